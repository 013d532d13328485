import type { KubeClient } from "@homeplane/kube";
import type { NodeCapacity } from "./machine.ts";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";

export interface ProcessRuntimeOptions {
  readonly client: KubeClient;
  /** The pods' folders lie below `<dataDir>/pods/<uid>/`. Only one runtime may use it at a time. */
  readonly dataDir: string;
  readonly nodeName: string;
  /** Path of a Python interpreter; its folder goes first on every pod's PATH. */
  readonly python?: string;
  /** PATH, LANG, ... of every pod. Nothing is inherited from homeplane's own environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** What pods' requests are held against; a pod that waits for its children is not counted. */
  readonly capacity: NodeCapacity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The largest log of one container, default 256 MiB; what is printed beyond it is dropped, and the log says so. */
  readonly logMaxBytes?: number;
  /** False: processes are found by other signs, as where the system has no cgroups for us. Default true. */
  readonly cgroups?: boolean;
  /** What pods get to end when the runtime stops, default 10 s. */
  readonly stopGraceMs?: number;
}

/** What the API server's `/log` asks for. */
export interface PodLogsRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}
