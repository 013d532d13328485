import type { Container } from "@homeplane/kube";
import { messageOf } from "@homeplane/runtime-kit";
import { type Claim, claimPod } from "./claim.ts";
import { MARK_POD } from "./container-env.ts";
import type { ContainerLog } from "./container-log.ts";
import type { ContainerDeps, LiveProcess } from "./container-host.ts";
import { runContainer, startError } from "./container-run.ts";
import { killAll, signalProcess } from "./end-processes.ts";
import { freshPodFolder, type PodFolders, removeVolumes } from "./folders.ts";
import { eventOf, type PodEvent } from "./pod-event.ts";
import { type PodView, specGraceSeconds } from "./pod-view.ts";
import type { ProcessSigns } from "./procfs.ts";
import type { Progress, RunView, StopCause } from "./progress.ts";

export interface PodRunOptions extends ContainerDeps {
  readonly folders: PodFolders;
  readonly claim: Claim;
  /** For `kubectl describe`. */
  readonly event: (pod: PodView, event: PodEvent) => void;
  /** After each change of {@link PodRun.view}. */
  readonly changed: (run: PodRun) => void;
}

/** Timers end at 24 days; a deadline later than this is looked at again then. */
const MAX_TIMER_MS = 24 * 3600_000;

/**
 * One pod's processes, from claim to end: init containers one after another, then all containers side by side; each is
 * started once (`restartPolicy: Never`). It ends by itself, or after {@link stop}; in both cases no process of it is left.
 */
export class PodRun {
  readonly pod: PodView;
  readonly done: Promise<void>;
  readonly #options: PodRunOptions;
  readonly #startedAt: number;
  readonly #init: Map<string, Progress>;
  readonly #main: Map<string, Progress>;
  readonly #logs = new Map<string, ContainerLog>();
  readonly #live = new Map<string, LiveProcess>();
  readonly #stopping = new AbortController();
  #stopped: StopCause | undefined;
  #killAt = Number.POSITIVE_INFINITY;
  #cancelKill: () => void = () => undefined;
  #cancelDeadline: () => void = () => undefined;
  #ended = false;
  #claimed = false;
  #revision = 0;

  constructor(pod: PodView, options: PodRunOptions) {
    this.pod = pod;
    this.#options = options;
    this.#startedAt = options.clock.now();
    const { initContainers = [], containers } = pod.spec;
    this.#init = waiting(initContainers, "PodInitializing");
    this.#main = waiting(containers, initContainers.length > 0 ? "PodInitializing" : "ContainerCreating");
    this.done = this.#run();
  }

  /** Grows with each change. */
  get revision(): number {
    return this.#revision;
  }

  /** False when the pod was gone from the API before anything was started. */
  get claimed(): boolean {
    return this.#claimed;
  }

  view(): RunView {
    return {
      startedAt: this.#startedAt,
      init: this.#init,
      main: this.#main,
      ended: this.#ended,
      ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
    };
  }

  log(container: string): ContainerLog | undefined {
    return this.#logs.get(container);
  }

  /** SIGTERM now, SIGKILL after `graceMs`. Called again, it can only make the grace shorter. */
  stop(cause: StopCause, graceMs: number): void {
    if (this.#ended) return;
    const { clock } = this.#options;
    const killAt = clock.now() + graceMs;
    if (killAt < this.#killAt) {
      this.#killAt = killAt;
      this.#cancelKill();
      this.#cancelKill = clock.after(graceMs, () => {
        for (const { signs } of this.#live.values()) void this.#kill(signs);
      });
    }
    if (this.#stopped !== undefined) return;
    this.#stopped = cause;
    for (const container of this.#live.keys())
      this.#options.event(this.pod, {
        type: "Normal",
        reason: "Killing",
        message: `Stopping container ${container}`,
        container,
      });
    this.#stopping.abort(new Error(`the pod is being stopped: ${cause}`));
    for (const { pid } of this.#live.values()) signalProcess(-pid, "SIGTERM");
  }

  async #run(): Promise<void> {
    const { folders, log, clock } = this.#options;
    try {
      this.#claimed = await claimPod(this.pod, this.#stopping.signal, this.#options);
      if (!this.#claimed) return;
      const message = `Successfully assigned ${this.pod.key} to ${this.#options.env.nodeName}`;
      this.#options.event(this.pod, { type: "Normal", reason: "Scheduled", message, component: "default-scheduler" });
      this.#watchDeadline();
      await freshPodFolder(folders);
      await this.#runContainers();
    } catch (error) {
      log.error({ event: "pod_run_failed", pod: this.pod.key, error: messageOf(error) }, "a pod could not be run");
      this.stop("deleted", 0);
      // A container that could not be attended to may still run.
      await this.#kill({ mark: `${MARK_POD}=${this.pod.uid}`, logFolder: `${folders.root}/log` });
      for (const [name, one] of this.#main) {
        if (one.kind !== "ended") this.#main.set(name, startError(messageOf(error), clock.now()));
      }
    } finally {
      this.#cancelKill();
      this.#cancelDeadline();
      await this.#removeVolumes();
      this.#ended = true;
      this.#changed();
    }
  }

  /** What was in them may be secret: it does not stay as long as the pod's log does. */
  async #removeVolumes(): Promise<void> {
    try {
      await removeVolumes(this.#options.folders);
    } catch (error) {
      const fields = { event: "pod_volumes_not_removed", pod: this.pod.key, error: messageOf(error) };
      this.#options.log.error(fields, "the volumes of an ended pod could not be removed");
    }
  }

  async #runContainers(): Promise<void> {
    for (const container of this.pod.spec.initContainers ?? []) {
      await this.#runOne(container, this.#init);
      const end = this.#init.get(container.name);
      if (end?.kind !== "ended" || end.exitCode !== 0) return;
    }
    // All are waited for, also when one of them can not be attended to: none may be left behind.
    const ends = await Promise.allSettled(this.pod.spec.containers.map((one) => this.#runOne(one, this.#main)));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  #runOne(container: Container, into: Map<string, Progress>): Promise<void> {
    const host = {
      pod: this.pod,
      folders: this.#options.folders,
      stopping: this.#stopping.signal,
      progress: ({ name }: Container, progress: Progress): void => {
        into.set(name, progress);
        const event = eventOf(name, progress);
        if (event !== undefined) this.#options.event(this.pod, event);
        this.#changed();
      },
      logOpened: ({ name }: Container, log: ContainerLog): void => void this.#logs.set(name, log),
      started: ({ name }: Container, live: LiveProcess): void => this.#started(name, live),
      ended: ({ name }: Container): void => void this.#live.delete(name),
    };
    return runContainer(container, host, this.#options);
  }

  /** A stop may have come while the process was being started. */
  #started(name: string, live: LiveProcess): void {
    this.#live.set(name, live);
    if (this.#stopped === undefined) return;
    signalProcess(-live.pid, "SIGTERM");
    if (this.#options.clock.now() >= this.#killAt) void this.#kill(live.signs);
  }

  #watchDeadline(): void {
    const seconds = this.pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const { clock } = this.#options;
    const left = this.#startedAt + seconds * 1000 - clock.now();
    this.#cancelDeadline = clock.after(Math.min(Math.max(0, left), MAX_TIMER_MS), () => {
      if (left > MAX_TIMER_MS) return this.#watchDeadline();
      this.stop("deadline", specGraceSeconds(this.pod.spec) * 1000);
    });
  }

  async #kill(signs: ProcessSigns): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await killAll(signs, clock, log);
    } catch (error) {
      log.error(
        { event: "pod_kill_failed", pod: this.pod.key, error: messageOf(error) },
        "a pod's processes could not be looked for",
      );
    }
  }

  #changed(): void {
    this.#revision++;
    this.#options.changed(this);
  }
}

function waiting(containers: readonly Container[], reason: string): Map<string, Progress> {
  return new Map(containers.map((container) => [container.name, { kind: "waiting", reason }]));
}
