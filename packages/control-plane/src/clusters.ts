/** The clusters that have called since this process began, and when. In memory: each of them calls every ten seconds. */
import { createContextKey, Code, ConnectError, type ContextValues } from "@connectrpc/connect";
import type { Clock } from "@homeplane/runtime-kit";

export interface ClusterSeen {
  readonly name: string;
  /** Of its data plane; empty until it has registered with this process. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly heardAt: number;
  /** It has called within the last three heartbeats. */
  readonly connected: boolean;
}

const silentAfterMs = 30_000;

export class Clusters {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { version: string; heardAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(name: string, version?: string): void {
    const known = this.#seen.get(name)?.version ?? "";
    this.#seen.set(name, { version: version ?? known, heardAt: this.#clock.now() });
  }

  list(): readonly ClusterSeen[] {
    const now = this.#clock.now();
    return [...this.#seen].map(([name, seen]) => ({ name, ...seen, connected: now - seen.heardAt < silentAfterMs }));
  }
}

/** The cluster whose token a call has shown; undefined in process, where nobody else can call. */
export const callingCluster = createContextKey<string | undefined>(undefined, {
  description: "the cluster whose token the call has shown",
});

export function requireOwnCluster(values: ContextValues, named: string): void {
  const calling = values.get(callingCluster);
  if (calling === undefined || calling === named) return;
  const message = `cluster: "${named}" is not "${calling}", whose token this is`;
  throw new ConnectError(message, Code.PermissionDenied);
}
