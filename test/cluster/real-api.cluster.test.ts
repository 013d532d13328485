/** The whole data plane on a real kube-apiserver; only the pods are local processes. The same features, the same results as on the embedded API. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, TestHomeplane } from "../sdk/homeplane.ts";
import { processesOf } from "../sdk/processes.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";

const program = join(import.meta.dirname, "homeplane-on-api.ts");

describe("on a real kube-apiserver", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let homeplane: TestHomeplane;
  const stack = new AsyncDisposableStack();

  beforeAll(async () => {
    api = stack.use(await startApiServer({ controllers: true }));
    homeplane = stack.use(await TestHomeplane.start({ program: [program, api.kubeconfig] }));
  }, 1_800_000);
  afterAll(() => stack.disposeAsync());

  const kubectl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(api.kubectl, ["--kubeconfig", api.kubeconfig, ...args])).stdout;

  test("a parent gathers its children", async () => {
    const { run, outputs } = await homeplane.feature("gather");
    expect(outputs).toEqual([30]);
    expect(await kubectl("get", "taskactions", "-A", "-l", `flyte.org/run=${run}`, "--no-headers")).toMatch(
      /Completed/,
    );
  });

  test("an attempt that failed is followed by the next, each with its log", async () => {
    const { run, outputs } = await homeplane.feature("retry");
    expect(outputs).toEqual(["attempt 3"]);
    for (const n of [1, 2, 3]) {
      const text = (await homeplane.log(run, "a0", n)).map((line) => line.text).join("");
      expect(text).toContain(`this is attempt ${n}\n`);
    }
  });

  test("a task that was killed is started anew, at the cost of no retry", async () => {
    const { run, outputs } = await homeplane.feature("killed_once", { FLAG: join(homeplane.dataDir, "killed-once") });
    expect(outputs).toEqual(["second life"]);
    expect((await homeplane.details(run)).status?.attempts).toBe(1);
  });

  test("an abort ends the tree, and nothing of it stays in the API", async () => {
    const run = await homeplane.startFeature("family");
    await eventually("all four run", 60_000, async () => (await processesOf(run)).length >= 4);
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "enough" });
    await eventually("all are aborted", 60_000, async () =>
      (await homeplane.actions(run)).every((action) => action.status?.phase === ActionPhase.ABORTED),
    );
    expect(await processesOf(run)).toEqual([]);
    await eventually("kubectl finds nothing", 60_000, async () => {
      const left = await kubectl("get", "taskactions,pods", "-A", "-l", `flyte.org/run=${run}`, "-o", "name");
      return left.trim() === "";
    });
  });

  test("a quota of two pods: a parent and its five children take turns, each waits by name, and none uses a retry", async () => {
    const space = ["-n", "flytesnacks-development"];
    await kubectl("create", "quota", "two-pods", "--hard=pods=2", ...space);
    try {
      await eventually("the quota is counted", 30_000, async () => {
        const hard = await kubectl("get", "quota", "two-pods", ...space, "-o", "jsonpath={.status.hard.pods}");
        return hard === "2";
      });
      const run = await homeplane.startFeature("gather");
      await eventually("one says why it waits", 60_000, async () => {
        const waiting = await kubectl("get", "taskactions", ...space, "-l", `flyte.org/run=${run}`);
        return waiting.includes("exceeded quota: two-pods");
      });
      await eventually("the run ends", 100_000, async () => {
        const all = await homeplane.actions(run);
        return all.length === 6 && all.every((action) => action.status?.phase === ActionPhase.SUCCEEDED);
      });
      const actions = await homeplane.actions(run);
      expect(actions.map((action) => action.status?.attempts)).toEqual([1, 1, 1, 1, 1, 1]);
      const details = await Promise.all(actions.map((action) => homeplane.details(run, action.id?.name ?? "")));
      const told = details.flatMap(({ attempts }) => attempts.flatMap(({ clusterEvents }) => clusterEvents));
      expect(told.some(({ message }) => message.includes("exceeded quota: two-pods"))).toBe(true);
    } finally {
      await kubectl("delete", "quota", "two-pods", ...space);
    }
  });

  test("kill -9 in mid-run: the next start goes on", async () => {
    const flag = join(homeplane.dataDir, "flag");
    const run = await homeplane.startFeature("half_done", { FLAG: flag });
    await eventually("three children have ended", 60_000, async () => {
      const done = (await homeplane.actions(run)).filter((action) => action.status?.phase === ActionPhase.SUCCEEDED);
      return done.length === 3;
    });
    await homeplane.stop("SIGKILL");
    await homeplane.up();
    await promisify(execFile)("touch", [flag]);
    await eventually(
      "the run succeeds",
      60_000,
      async () => (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED,
    );
    expect((await homeplane.details(run)).status?.attempts).toBe(1);
  });
});
