/** Pods that the cluster takes away from under their tasks: their node is emptied, or others go before them. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { expect, test } from "vitest";
import { eventually } from "../../sdk/eventually.ts";
import { node } from "../bootstrap/layout.ts";
import { controlPlaneNamespace, dataPlaneNamespace } from "./install.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";
import { kubectl } from "./kubectl.ts";
import { taskActions } from "./task-actions.ts";

const namespace = "flytesnacks-development";
const taint = "homeplane.test/gone";

export function lostPodPromises(homeplane: () => InstalledHomeplane): void {
  const k = (...args: string[]) => kubectl(homeplane().cluster, args);
  const root = async (run: string) => (await taskActions(homeplane().cluster, namespace, run))[0];
  interface Seen {
    readonly metadata: { readonly deletionTimestamp?: string };
  }
  const running = async (...where: string[]): Promise<readonly Seen[]> => {
    const args = ["get", "pods", ...where, "--field-selector=status.phase=Running", "-o", "json"];
    return (JSON.parse(await k(...args)) as { items: Seen[] }).items;
  };
  const untilRunning = (run: string) =>
    eventually("it runs", 120_000, async () =>
      (await root(run))?.status?.conditions?.some(({ reason }) => reason === "Executing"),
    );

  test("a node that loses all its pods, ours too: when there is a node again the attempt goes on, at the cost of no retry", async () => {
    // Kubernetes evicts ended pods too, a few a second: without these it comes to the running one at once.
    await k("delete", "pods", "-n", namespace, "--field-selector=status.phase!=Running", "--timeout=110s");
    const run = await homeplane().startFeature("slow", {}, "on_cluster.py");
    await untilRunning(run);
    await k("taint", "node", node.name, `${taint}=:NoExecute`);
    try {
      // One after the other, those too that ended long ago; once the node has no taint any more the rest is spared.
      await eventually("the pods are evicted", 120_000, async () => {
        const ours = await running("-n", dataPlaneNamespace);
        const tasks = await running("-n", namespace, "-l", `flyte.org/run=${run}`);
        return ours.length === 0 && tasks.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
      });
    } finally {
      await k("taint", "node", node.name, `${taint}-`);
    }
    for (const space of ["kube-system", controlPlaneNamespace, dataPlaneNamespace])
      await k("rollout", "status", "deployment", "-n", space, "--timeout=110s");
    await homeplane().forward.restart();
    await eventually("the run has ended", 240_000, async () => {
      const { status } = await homeplane().details(run);
      return status?.endTime !== undefined;
    });
    const { status, attempts } = await homeplane().details(run);
    expect(status).toMatchObject({ phase: ActionPhase.SUCCEEDED, attempts: 1 });
    expect((await root(run))?.status).toMatchObject({ systemFailures: 1 });
    const told = attempts.flatMap(({ clusterEvents }) => clusterEvents.map(({ message }) => message));
    expect(told.join("\n")).toMatch(/the attempt goes on in a new pod/);
  });
}
