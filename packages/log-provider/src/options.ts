import type { KubeClient } from "@homeplane/kube";
import type { ObjectStore } from "@homeplane/object-store";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";

export interface LogProviderOptions {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  /** The metadata bucket. */
  readonly bucket: string;
  readonly org: string;
  /** Told to readers as `cluster_name` of each container. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How often a reader that waits for a pod looks again when nobody tells it of a change; default 1 s. */
  readonly pollMs?: number;
  /** How long a log that can not be read holds its pod, and how long past its due time a deletion waits for the node; default 60 s. */
  readonly holdMs?: number;
  /** How long an ended container's log stream may be silent before it is read without `follow`; default 30 s. */
  readonly flushMs?: number;
  /** How often a reader whose stream is silent looks whether the container has ended; default 2 s. */
  readonly stallMs?: number;
  /** How long a reader waits for a container to start; default 10 min. */
  readonly startMs?: number;
}

export interface Context extends LogProviderOptions {
  readonly pollMs: number;
  readonly holdMs: number;
  readonly flushMs: number;
  readonly stallMs: number;
  readonly startMs: number;
}

export function contextOf(options: LogProviderOptions): Context {
  return { pollMs: 1_000, holdMs: 60_000, flushMs: 30_000, stallMs: 2_000, startMs: 10 * 60_000, ...options };
}
