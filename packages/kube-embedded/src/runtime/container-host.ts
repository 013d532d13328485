import type { Container } from "@homeplane/kube";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import type { Cgroups } from "./cgroups.ts";
import type { EnvContext } from "./container-env.ts";
import type { ContainerLog } from "./container-log.ts";
import type { ContainerWatch } from "./container-watch.ts";
import type { PodFolders } from "./folders.ts";
import type { OomKills } from "./oom-kills.ts";
import type { PodView } from "./pod-view.ts";
import type { ProcessSigns } from "./procfs.ts";
import type { Progress } from "./progress.ts";

/** What containers of all pods share. */
export interface ContainerDeps {
  readonly env: Omit<EnvContext, "workFolder">;
  readonly logMaxBytes: number;
  readonly oomKills: OomKills;
  readonly watch: ContainerWatch;
  /** Absent where the system does not let us have any. */
  readonly cgroups?: Cgroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface LiveProcess {
  readonly pid: number;
  readonly signs: ProcessSigns;
}

/** The pod around a container. */
export interface ContainerHost {
  readonly pod: PodView;
  readonly folders: PodFolders;
  /** Aborts when the pod is to end: nothing is started any more. */
  readonly stopping: AbortSignal;
  progress(container: Container, progress: Progress): void;
  logOpened(container: Container, log: ContainerLog): void;
  /** From now on the pod signals the process when it is to end; until {@link ended}. */
  started(container: Container, live: LiveProcess): void;
  ended(container: Container): void;
}
