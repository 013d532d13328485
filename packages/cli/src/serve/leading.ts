/** Of several replicas one works; the others stand by, ready to take over. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type KubeClient, runAsLeader } from "@homeplane/kube";
import { type Logger, type Service, systemClock as clock } from "@homeplane/runtime-kit";
import type { Check } from "./probes.ts";

/** What leads: made anew for each term, as it may not go on with what it knew in the last one. */
export interface Led extends Service {
  problem?(): string | undefined;
}

export interface LeadingOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The lease's name too. */
  readonly name: string;
  readonly log: Logger;
}

export function leading(
  { client, namespace, name, log }: LeadingOptions,
  create: () => Led,
): { service: Service; checks: readonly Check[] } {
  const identity = `${hostname()}_${randomUUID().slice(0, 8)}`;
  let current: Led | undefined;
  const service: Service = {
    name,
    run: (signal) =>
      runAsLeader(
        { client, lease: { namespace, name }, identity, clock, random: Math.random, log, signal },
        async (term) => {
          current = create();
          await current.run(term).finally(() => {
            current = undefined;
          });
        },
      ),
  };
  const checks: readonly Check[] = [
    { name, problem: () => current?.problem?.() },
    {
      name: "lease",
      informs: true,
      problem: () => (current === undefined ? "standing by: another one leads" : undefined),
    },
  ];
  return { service, checks };
}
