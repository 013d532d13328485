/** From a change of a pod's status to the watcher of its action, on a system that is idle. Budget: p50 5 ms. */
import { setTimeout as wait } from "node:timers/promises";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { actionId, clientsOf, podOf, programTask, start, watch } from "./clients.ts";
import { figure, percentile, print, up, withDataDir } from "./measure.ts";

const rounds = 5;
const perRound = 10;

print(
  await withDataDir(async (dataDir) => {
    const homeplane = await up(dataDir);
    const clients = await clientsOf(dataDir);
    const p50: number[] = [];
    const callP50: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const times: number[] = [];
      const calls: number[] = [];
      for (let index = 0; index < perRound; index++) {
        // It finds no place: what its pod says of itself is ours to say.
        const run = await start(clients, programTask(["true"], { cpu: "1000" }));
        const pod = await podOf(clients, run);
        const seen = watch(clients, run, (phase) => phase === ActionPhase.RUNNING);
        await wait(1_500);
        const name = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name };
        const startedAt = new Date().toISOString();
        const running = { name: pod.spec.containers[0]?.name ?? "", state: { running: { startedAt } } };
        const changed = performance.now();
        const status = { phase: "Running", containerStatuses: [running] };
        const patched = clients.kube
          .patch(pods, name, { status }, { subresource: "status" })
          .then(() => performance.now() - changed);
        const told = seen.then(() => performance.now() - changed);
        calls.push(await patched);
        times.push(await told);
        await clients.runs.abortRun({ runId: actionId(run).run });
      }
      p50.push(percentile(times, 0.5));
      callP50.push(percentile(calls, 0.5));
    }
    await clients.close();
    await homeplane.stop();
    return [
      figure("transition-p50", "ms", p50),
      figure("transition-p50", "ms", callP50, "the change's own call alone"),
    ];
  }),
);
