import type { Backoff, Clock, Logger, Random } from "@homeplane/runtime-kit";
import type { KubeClient } from "./client.ts";
import type { Indexes } from "./informer-store.ts";
import type { KubeObject, ResourceType } from "./meta.ts";

export interface InformerOptions<T extends KubeObject, P> {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Keeps only what is used: a whole pod takes about 16 KB of memory. Absent: the object as it is. */
  readonly project?: (object: T) => P;
  /** Pure functions of the projection, which nobody may change. */
  readonly indexes?: Indexes<P>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Mean time between lists that find what watches lost, default 10 min. */
  readonly resyncMs?: number;
}

export const RESYNC_MS = 10 * 60_000;

/** A watch is replaced after once to twice this: 5 to 10 min. */
export const ROTATE_MS = 5 * 60_000;

/** The server ends a watch this long after we would have replaced it. */
export const SERVER_SLACK_MS = 30_000;

/** A watch that lived this long shows a server that is well, also when there was nothing to tell. */
export const WELL_MS = 10_000;

export const RECONNECT: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
