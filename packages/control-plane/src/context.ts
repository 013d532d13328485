import type { Client } from "@connectrpc/connect";
import type { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import type { ImageService } from "@homeplane/idl/homeplane/v1/images";
import type { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import type { Clock, Logger, Subject } from "@homeplane/runtime-kit";
import type { Clusters } from "./clusters.ts";
import type { Store } from "./store/port.ts";

/** The data plane as the control plane sees it: the services of the tunnel. */
export interface DataPlane {
  readonly objects: Client<typeof ObjectStoreService>;
  readonly logs: Client<typeof LogService>;
  readonly secrets: Client<typeof SecretService>;
  /** Absent where nothing can be told of an image before it is built. */
  readonly images?: Client<typeof ImageService>;
  /** That no call would reach it, known without one; absent where it is always there. */
  readonly isAway?: () => boolean;
}

/** For one call over the tunnel: up to 20 MiB over a slow line. */
export const dataPlaneTimeoutMs = 60_000;

export interface ControlPlaneConfig {
  /** The one organisation of this control plane. */
  readonly org: string;
  readonly domains: readonly string[];
  readonly version: string;
}

/** What every service of the control plane works with. */
export interface Context {
  readonly config: ControlPlaneConfig;
  readonly store: Store;
  readonly dataPlane: DataPlane;
  readonly clusters: Clusters;
  readonly clock: Clock;
  readonly log: Logger;
  /** Published after each change: `actionPath`, `runPath`, "runs", "triggers" and "orders". */
  readonly changes: Subject<string>;
  /** Places where the data plane has said that it serves runs, and until when that is believed. */
  readonly served: Map<string, number>;
  /** Aborts when the server stops: long answers end then. */
  readonly stopping: AbortSignal;
}
