/** Whether the buckets can be used, asked now and then; a component that never could is never ready, so that an upgrade leaves its predecessor at work. */
import { checkBucket, type ObjectStore } from "@homeplane/object-store";
import { type Clock, type Logger, messageOf, pause, type Service } from "@homeplane/runtime-kit";
import type { Check } from "./probes.ts";

interface StoreProbeOptions {
  readonly store: ObjectStore;
  readonly buckets: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

const whenWellMs = 30_000;
const whenNotMs = 5_000;
const probeTimeoutMs = 15_000;
/** Of one that works already, a single probe that fails is no reason to be taken out of service. */
const failuresBeforeUnready = 2;

export function storeProbe({ store, buckets, log, clock }: StoreProbeOptions): { check: Check; prober: Service } {
  let known = false;
  let wasUsable = false;
  let failures = 0;
  let last: Problem | undefined;

  function note(next: Problem | undefined): void {
    if (next !== undefined && next.problem !== last?.problem) log.warn({ event: "store.unusable", ...next });
    if (next === undefined && last !== undefined) log.info({ event: "store.usable" });
    known = true;
    wasUsable ||= next === undefined;
    failures = next === undefined ? 0 : failures + 1;
    last = next;
  }

  const problem = (): string | undefined => {
    if (!known) return "the buckets were not looked at yet";
    if (last === undefined || failures < (wasUsable ? failuresBeforeUnready : 1)) return undefined;
    return `${last.problem}. ${last.nextStep}`;
  };
  const prober: Service = {
    name: "store.probe",
    run: async (signal) => {
      while (!signal.aborted) {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
        const next = await look(store, buckets, limit);
        if (signal.aborted) return;
        note(next);
        await pause(clock, next === undefined ? whenWellMs : whenNotMs, signal);
      }
    },
  };
  return { check: { name: "objectStore", problem }, prober };
}

interface Problem {
  readonly problem: string;
  readonly nextStep: string;
}

async function look(store: ObjectStore, buckets: readonly string[], signal: AbortSignal): Promise<Problem | undefined> {
  try {
    for (const bucket of buckets) {
      const [first] = await checkBucket(store, bucket, { depth: "read", signal });
      if (first !== undefined) return { problem: first.message, nextStep: first.nextStep };
    }
    return undefined;
  } catch (error) {
    return { problem: messageOf(error), nextStep: "Look at objectStore.endpoint and at the network between." };
  }
}
