/**
 * What the components take while 2,000 actions are held on the test cluster: each asks for three cores, which the node does not have. What the namespace's
 * quota of 1,000 cores admits waits for the scheduler, the rest for the quota. Budget: 2 % of a core. They are aborted afterwards.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type TaskAction, taskActions } from "@homeplane/idl";
import { pods, type ResourceType } from "@homeplane/kube";
import { actionId, programTask, start } from "./clients.ts";
import { namespace, onCluster, sdkRun } from "./cluster.ts";
import { idleComponents } from "./component-usage.ts";
import { figure, print } from "./measure.ts";

const held = Number(process.argv[2] ?? 2_000);
const atOnce = 16;
const patienceMs = 600_000;
const type: ResourceType<TaskAction> = taskActions;

async function inParallel<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await each(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

print(
  await onCluster(async (on) => {
    const { kube, runs } = on.clients;
    // Makes the namespace.
    await sdkRun(on, "hello");
    const before = (await kube.list(type, { namespace })).items.length;
    const names: string[] = [];
    const begun = performance.now();
    await inParallel(Array.from({ length: held }), async () => {
      names.push(await start(on.clients, programTask(["true"], { cpu: "3" })));
    });
    try {
      for (const end = Date.now() + patienceMs; ; await wait(2_000)) {
        const there = (await kube.list(type, { namespace })).items.length - before;
        if (there >= held) break;
        if (Date.now() > end) throw new Error(`${there} TaskActions after ${patienceMs / 1000} s`);
      }
      const took = performance.now() - begun;
      const pending = (await kube.list(pods, { namespace })).items.filter(({ status }) => status?.phase === "Pending");
      const figures = await idleComponents("held");
      return [figure("held-start", "ms", [took]), figure("held-pods", "pods", [pending.length]), ...figures];
    } finally {
      await inParallel(names, async (run) => {
        await runs.abortRun({ runId: actionId(run).run, reason: "benchmark" });
      });
    }
  }),
);
