/** What the unmodified SDK does against homeplane as a user starts it: one promise a test. */
import { spawn, spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { featurePromises } from "./feature-promises.ts";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

describe.skipIf(!hasPython).each(sdks)("the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  featurePromises(sdk, () => homeplane);

  test("aborts a running tree and leaves no process behind", async () => {
    const run = await homeplane.startFeature("family");
    const sleeping = await eventually("three children sleep", 30_000, async () => {
      const actions = await homeplane.actions(run);
      const running = actions.filter((action) => action.status?.phase === ActionPhase.RUNNING);
      return running.length === 4 && (await processesOf(run)).length >= 4 ? actions : undefined;
    });
    expect(sleeping).toHaveLength(4);
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "changed my mind" });
    await eventually("all are aborted", 30_000, async () =>
      (await homeplane.actions(run)).every((action) => action.status?.phase === ActionPhase.ABORTED),
    );
    expect(await processesOf(run)).toEqual([]);
    const { result } = await homeplane.details(run);
    expect(result.case === "abortInfo" && result.value.reason).toBe("changed my mind");
  });

  test("starts a task that was killed anew, at the cost of no retry, and keeps both logs", async () => {
    const { run, outputs } = await homeplane.feature("killed_once", { FLAG: join(homeplane.dataDir, "killed-once") });
    expect(outputs).toEqual(["second life"]);
    const { status, attempts } = await homeplane.details(run);
    expect(status?.attempts).toBe(1);
    expect(attempts).toHaveLength(1);
    const text = (await homeplane.log(run)).map((line) => line.text).join("");
    expect(text).toContain("about to be killed\n");
    expect(text.match(/Flyte runtime started/g)).toHaveLength(2);
  });

  test.skipIf(!hasKubectl)("shows its life to kubectl get taskactions -A -w as it happens", async () => {
    const kubectl = spawn("kubectl", [
      "--kubeconfig",
      homeplane.endpoints.kubeconfig,
      "get",
      "taskactions",
      "-A",
      "-w",
      "--no-headers",
    ]);
    let shown = "";
    kubectl.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    try {
      const { run } = await homeplane.feature("gather");
      const statuses = (action: string): string[] => {
        const rows = shown
          .split("\n")
          .map((line) => line.split(/\s+/))
          .filter(([, , ofRun, name]) => ofRun === run && name === action);
        return rows.map(([, , , , , status = ""]) => status).filter((status, index, all) => status !== all[index - 1]);
      };
      await eventually("kubectl shows the end", 10_000, async () => statuses("a0").at(-1) === "Completed");
      expect(statuses("a0").slice(-2)).toEqual(["Executing", "Completed"]);
    } finally {
      kubectl.kill();
    }
  });

  test.skipIf(!hasKubectl)("tells kubectl describe why an action failed, and why one waits", async () => {
    const describeRun = (run: string): string => {
      const selection = ["-n", "flytesnacks-development", "-l", `flyte.org/run=${run}`];
      const args = ["--kubeconfig", homeplane.endpoints.kubeconfig, "describe", "taskactions", ...selection];
      return spawnSync("kubectl", args, { encoding: "utf8" }).stdout;
    };
    const { run } = await homeplane.feature("non_recoverable");
    expect(describeRun(run)).toMatch(/Message: +.*never again/);
    const waits = await homeplane.startFeature("never_placed", {}, "limits.py");
    await eventually("it is told", 30_000, async () => /Message: +.*64 of cpu/.test(describeRun(waits)));
    await homeplane.runs.abortRun({ runId: homeplane.actionId(waits).run, reason: "seen" });
  });

  test("lays data out in the buckets as documented", async () => {
    const { run } = await homeplane.feature("gather");
    const base = join(homeplane.dataDir, "objects/homeplane-metadata/homeplane/flytesnacks/development", run);
    expect(await readdir(join(base, "inputs"))).toEqual(["inputs.pb"]);
    expect(await readdir(join(base, "a0/1"))).toEqual(expect.arrayContaining(["outputs.pb", "logs"]));
    const bundles = join(homeplane.dataDir, "objects/homeplane-fast-registration/homeplane/flytesnacks/development");
    expect((await readdir(bundles)).length).toBeGreaterThan(0);
  });
});
