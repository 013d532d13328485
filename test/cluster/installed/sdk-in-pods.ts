/** What the unmodified SDK does with a Homeplane that was installed with helm, in real pods. */
import { createHash } from "node:crypto";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { expect, test } from "vitest";
import { eventually } from "../../sdk/eventually.ts";
import { featurePromises } from "../../sdk/feature-promises.ts";
import type { Sdk } from "../../sdk/sdk-client.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";
import { getObject } from "./get-object.ts";
import { kubectl } from "./kubectl.ts";

const namespace = "flytesnacks-development";
const digest = (value: string): string => createHash("sha256").update(value).digest("hex");

export function sdkPromises(sdk: Sdk, homeplane: () => InstalledHomeplane): void {
  const onCluster = (name: string, env: Record<string, string> = {}) => homeplane().feature(name, env, "on_cluster.py");
  const pods = async (run: string): Promise<string[]> => {
    const args = ["get", "pods", "-n", namespace, "-l", `flyte.org/run=${run}`, "-o", "name"];
    return (await kubectl(homeplane().cluster, args)).split("\n").filter((line) => line !== "");
  };
  const ended = (run: string): Promise<ActionPhase> =>
    eventually("the run has ended", 120_000, async () => {
      const { status } = await homeplane().details(run);
      return status?.endTime !== undefined && status.phase;
    });

  featurePromises(sdk, homeplane, (url) => getObject(homeplane().cluster.minio.caFile, url));

  test("a task's pod is nobody: no root, no capability, no Kubernetes token, no static key", async () => {
    const { outputs } = await onCluster("who_am_i");
    expect(outputs).toEqual([["1000", "1000", "0000000000000000", "1", "2", "False", "[]"]]);
  });

  test("fifty children at once", async () => {
    const { run, outputs } = await onCluster("fifty");
    expect(outputs).toEqual([(49 * 50) / 2]);
    const actions = await homeplane().actions(run);
    expect(actions).toHaveLength(51);
    expect(actions.every(({ status }) => status?.attempts === 1)).toBe(true);
  });

  test("a task that takes more memory than its limit fails as OOMKilled", async () => {
    const { run, phase } = await onCluster("oom");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result } = await homeplane().details(run);
    expect(result.value).toMatchObject({ code: "OOMKilled", kind: ErrorInfo_Kind.USER });
  });

  test("a task that runs too long is stopped, and says which bound it was", async () => {
    const { run } = await homeplane().feature("runtime", {}, "timeouts.py");
    const { status, result } = await homeplane().details(run);
    expect(status?.phase).toBe(ActionPhase.TIMED_OUT);
    expect(
      JSON.stringify(result.value, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
    ).toContain("MAX_RUNTIME_EXCEEDED");
  });

  test("a cached result is taken, for its version", async () => {
    const env = { X: String(Date.now()), CACHE_VERSION: "v1" };
    const first = await onCluster("stamp", env);
    const second = await onCluster("stamp", env);
    expect(second.outputs).toEqual(first.outputs);
    expect(await pods(second.run)).toEqual([]);
    const other = await onCluster("stamp", { ...env, CACHE_VERSION: "v2" });
    expect(other.outputs).not.toEqual(first.outputs);
  });

  test("a condition is answered from the laptop", async () => {
    const run = await homeplane().startFeature("approve", {}, "conditions.py");
    const condition = await eventually("it waits", 60_000, async () =>
      (await homeplane().actions(run)).find(
        ({ metadata, status }) => metadata?.spec.case === "condition" && status?.phase === ActionPhase.PAUSED,
      ),
    );
    const { code, stdout, stderr } = await homeplane().flyte([
      "signal",
      "condition",
      run,
      condition.id?.name ?? "",
      "true",
    ]);
    expect(code, stdout + stderr).toBe(0);
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane().textOutput(run)).toBe("approved");
  });

  test("a secret reaches the task as a variable and as a file, and stands in no pod's spec", async () => {
    const value = "value-of-a-secret-5b1f";
    for (const name of ["api-key", "db_password", "Service-Account", "binary"]) {
      await homeplane().flyte(["create", "secret", name, "--value", value]);
    }
    expect((await homeplane().feature("by_variable", {}, "secret_tasks.py")).outputs).toEqual([
      [digest(value), digest(value)],
    ]);
    const { run, outputs } = await homeplane().feature("as_files", {}, "secret_tasks.py");
    expect(outputs).toEqual([["binary", "service-account", digest(value), digest(value), "0o40", "0o40"]]);
    const spec = await kubectl(homeplane().cluster, [
      "get",
      "pods",
      "-n",
      namespace,
      "-l",
      `flyte.org/run=${run}`,
      "-o",
      "yaml",
    ]);
    expect(spec).not.toContain(value);
  });

  test("an abort ends a tree of pods within seconds", async () => {
    const run = await homeplane().startFeature("family");
    await eventually("four pods run", 120_000, async () => {
      const actions = await homeplane().actions(run);
      return actions.filter(({ status }) => status?.phase === ActionPhase.RUNNING).length === 4;
    });
    await homeplane().runs.abortRun({ runId: homeplane().actionId(run).run, reason: "changed my mind" });
    await eventually("all are aborted", 30_000, async () =>
      (await homeplane().actions(run)).every(({ status }) => status?.phase === ActionPhase.ABORTED),
    );
    await eventually("no pod is left", 30_000, async () => (await pods(run)).length === 0);
  });

  test("a log outlives its pod, byte by byte", async () => {
    const { run } = await homeplane().feature("binary");
    const text = async (): Promise<string> => (await homeplane().log(run)).map((line) => line.text).join("");
    const before = await text();
    await kubectl(homeplane().cluster, [
      "delete",
      "pods",
      "-n",
      namespace,
      "-l",
      `flyte.org/run=${run}`,
      "--wait=true",
    ]);
    expect(await text()).toBe(before);
    expect(before).toContain("no newline at the end");
  });

  test("a pod that is deleted by hand is replaced, at the cost of no retry", async () => {
    const run = await homeplane().startFeature("ticks");
    await eventually(
      "it runs",
      60_000,
      async () => (await homeplane().details(run)).status?.phase === ActionPhase.RUNNING,
    );
    await kubectl(homeplane().cluster, [
      "delete",
      "pods",
      "-n",
      namespace,
      "-l",
      `flyte.org/run=${run}`,
      "--wait=false",
    ]);
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect((await homeplane().details(run)).status?.attempts).toBe(1);
  });
}
