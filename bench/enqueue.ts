/**
 * A parent enqueues 1,000 children at the rate of the SDK's own limiter: how long each call takes. The children find no place, so that what is measured
 * is their acceptance beside the work of making their pods, not their work. Budget: p99 20 ms.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { actionId, type Clients, clientsOf, over, podOf, programTask, start } from "./clients.ts";
import { type Figure, figure, percentile, print, up, withDataDir } from "./measure.ts";

const children = 1_000;
/** Of the client's limiter (docs of the SDK: 110 a second as measured). */
const perSecond = 110;
const rounds = 5;

async function round(clients: Clients): Promise<number[]> {
  const run = await start(clients, programTask(["sleep", "600"]));
  const parent = await podOf(clients, run);
  const env = new Map(parent.spec.containers[0]?.env?.map(({ name, value }) => [name, value ?? ""]));
  const actions = createClient(ActionsService, over(`http://${env.get("_U_EP_OVERRIDE") ?? ""}`));
  const template = programTask(["true"], { cpu: "1000" });
  const begun = performance.now();
  const times = await Promise.all(
    Array.from({ length: children }, async (_, index) => {
      await wait(Math.max(0, begun + (index * 1_000) / perSecond - performance.now()));
      const sent = performance.now();
      await actions.enqueue({
        action: {
          actionId: actionId(run, `c${index}`),
          parentActionName: "a0",
          inputUri: `s3://none/${index}`,
          spec: { case: "task", value: { spec: template } },
        },
      });
      return performance.now() - sent;
    }),
  );
  await clients.runs.abortRun({ runId: actionId(run).run });
  // Until nothing of it is left to do.
  await wait(15_000);
  return times;
}

print(
  await withDataDir(async (dataDir) => {
    const homeplane = await up(dataDir);
    const clients = await clientsOf(dataDir);
    const p50: number[] = [];
    const p99: number[] = [];
    for (let index = 0; index < rounds; index++) {
      const times = await round(clients);
      p50.push(percentile(times, 0.5));
      p99.push(percentile(times, 0.99));
    }
    await clients.close();
    await homeplane.stop();
    const figures: Figure[] = [figure("enqueue-p50", "ms", p50), figure("enqueue-p99", "ms", p99)];
    return figures;
  }),
);
