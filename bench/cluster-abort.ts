/** Five pods that run, a parent and its children: from the abort until none of them is there. Budget: 5 s. */
import { setTimeout as wait } from "node:timers/promises";
import { actionId } from "./clients.ts";
import { onCluster, podsOf, sdkRun } from "./cluster.ts";
import { figure, print } from "./measure.ts";

const rounds = 5;
const family = 5;
const patienceMs = 120_000;

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${patienceMs / 1000} s`);
    await wait(50);
  }
}

print(
  await onCluster(async (on) => {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const run = await sdkRun(on, "family");
      await until("five pods run", async () => {
        const running = (await podsOf(on, run)).filter(({ status }) => status?.containerStatuses?.[0]?.state?.running);
        return running.length === family;
      });
      // Past the start of Python, where it has its signal handlers.
      await wait(3_000);
      const begun = performance.now();
      await on.clients.runs.abortRun({ runId: actionId(run).run, reason: "benchmark" });
      await until("all are gone", async () => (await podsOf(on, run)).length === 0);
      samples.push(performance.now() - begun);
    }
    return [figure("abort-of-5-pods", "ms", samples)];
  }),
);
