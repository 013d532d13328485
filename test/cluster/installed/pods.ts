/** Pods that have more in them than their task, or less than they want. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { Pod } from "@homeplane/kube";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../sdk/eventually.ts";
import { root, type Sdk } from "../../sdk/sdk-client.ts";
import { smallProject } from "./install.ts";
import { InstalledHomeplane } from "./installed-homeplane.ts";
import { kubectl } from "./kubectl.ts";
import { described, taskActions } from "./task-actions.ts";

const namespace = "flytesnacks-development";

/** `flyte.PodTemplate` is written with the package `kubernetes`, which the SDK does not bring along. */
function podTemplatePackages(): Record<string, string> {
  const lib = join(root, ".tools/pod-templates/lib");
  const [python = ""] = readdirSync(lib);
  return { PYTHONPATH: join(lib, python, "site-packages") };
}

export function podPromises(sdk: Sdk, homeplane: () => InstalledHomeplane): void {
  const start = (name: string, env: Record<string, string>, file: string) => homeplane().startFeature(name, env, file);
  const cluster = () => homeplane().cluster;
  const podsOf = async (run: string): Promise<Pod[]> =>
    (
      JSON.parse(
        await kubectl(cluster(), ["get", "pods", "-n", namespace, "-l", `flyte.org/run=${run}`, "-o", "json"]),
      ) as { items: Pod[] }
    ).items;
  const ended = async (run: string, of = homeplane()) => {
    await eventually(`${run} has ended`, 240_000, async () => (await of.details(run)).status?.endTime !== undefined);
    const { status, result, attempts } = await of.details(run);
    return { status, attempts, error: result.case === "errorInfo" ? result.value : undefined };
  };
  const saysOf = (run: string, what: string, words: string) =>
    eventually(what, 120_000, async () => {
      const text = await described(cluster(), namespace, run);
      return text.includes(words) && text;
    });

  test("a pod template's sidecar, labels, annotations and volume are there; the sidecar keeps nothing from ending", async () => {
    const { run, outputs } = await homeplane().feature("sidecar", podTemplatePackages(), "pod_templates.py");
    expect(outputs).toEqual(["from the sidecar"]);
    const [pod] = await podsOf(run);
    expect(pod?.metadata.labels).toMatchObject({ team: "weather", "flyte.org/run": run });
    expect(pod?.metadata.annotations).toMatchObject({ "example.com/owner": "ops" });
    expect(pod?.spec.containers.map(({ name }) => name)).toEqual(["main", "sidecar"]);
    await eventually("nothing of it runs on", 60_000, async () => {
      const states = (await podsOf(run)).flatMap((one) => one.status?.containerStatuses ?? []);
      return states.every(({ state }) => state?.running === undefined);
    });
  });

  test("an image that is not there: it is said by name with the way out while it may still come, and then the run fails with that", async () => {
    const image = `${cluster().registry}/no/such:1`;
    const run = await start("run", { IMAGE: image }, "bad_images.py");
    const words = `image "${image}" of container`;
    const advice = "can not be pulled: its registry has none of that name and tag; check both";
    expect(await saysOf(run, "kubectl describe says so", words)).toContain(advice);
    expect((await homeplane().details(run)).status?.phase).toBe(ActionPhase.INITIALIZING);
    const { status, error } = await ended(run);
    expect(status).toMatchObject({ phase: ActionPhase.FAILED, attempts: 1 });
    expect(error).toMatchObject({ code: "ImagePullBackOff", kind: ErrorInfo_Kind.USER });
    expect(error?.message).toContain(words);
    expect(error?.message).toContain(advice);
    expect(await saysOf(run, "kubectl describe says that it is over", "PermanentFailure")).toContain(words);
    await eventually("no pod goes on with it", 60_000, async () =>
      (await podsOf(run)).every(({ status: of }) => of?.phase === "Failed"),
    );
  });

  test("a name that is none of an image fails at once, and says so", async () => {
    const run = await start("run", { IMAGE: "Not/An/Image:1" }, "bad_images.py");
    const { status, error } = await ended(run);
    expect(status).toMatchObject({ phase: ActionPhase.FAILED, attempts: 1 });
    expect(error).toMatchObject({ code: "InvalidImageName", kind: ErrorInfo_Kind.USER });
    const words = 'image "Not/An/Image:1" of container';
    expect(error?.message).toContain(words);
    expect(await described(cluster(), namespace, run)).toContain(words);
  });

  test("a pod that is evicted for writing more than its limit is the task's failure, and says which limit it was", async () => {
    const run = await start("full_disk", podTemplatePackages(), "pod_templates.py");
    const { status, error } = await ended(run);
    expect(status).toMatchObject({ phase: ActionPhase.FAILED, attempts: 1 });
    expect(error).toMatchObject({ code: "EphemeralStorageExceeded", kind: ErrorInfo_Kind.USER });
    expect(error?.message).toContain("20Mi");
    expect(await described(cluster(), namespace, run)).toContain("EphemeralStorageExceeded");
  });

  test("a project with room for two pods: a parent and its five children take turns, say which quota they wait for, and use no retry", async () => {
    await using small = await InstalledHomeplane.connect(cluster(), sdk, smallProject);
    const { code, stdout, stderr } = await small.flyte(["create", "project", "--id", smallProject, "--name", "Small"]);
    if (code !== 0) expect(stdout + stderr).toMatch(/exists\s+already/);
    const run = await small.startFeature("gather");
    const space = `${smallProject}-development`;
    const words = "exceeded quota: homeplane, requested: pods=1, used: pods=2, limited: pods=2";
    await eventually("one says what it waits for", 120_000, async () =>
      (await described(cluster(), space, run)).includes(words),
    );
    expect((await ended(run, small)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    const actions = await small.actions(run);
    expect(actions.map(({ status }) => [status?.phase, status?.attempts])).toEqual(
      Array.from({ length: 6 }, () => [ActionPhase.SUCCEEDED, 1]),
    );
    const found = await taskActions(cluster(), space, run);
    expect(found.filter(({ status }) => (status?.systemFailures ?? 0) > 0)).toEqual([]);
    const details = await Promise.all(actions.map(({ id }) => small.details(run, id?.name)));
    const told = details.flatMap(({ attempts }) => attempts.flatMap(({ clusterEvents }) => clusterEvents));
    expect(told.some(({ message }) => message.includes(words))).toBe(true);
  });
}
