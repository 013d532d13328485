import type { Informer, Pod, WorkQueue } from "@homeplane/kube";
import type { Logger } from "@homeplane/runtime-kit";
import { Burials } from "./burials.ts";
import { mergeConditions, sameConditions } from "./conditions.ts";
import type { ContainerLog } from "./container-log.ts";
import { allocatable } from "./machine.ts";
import type { PodApi } from "./pod-api.ts";
import type { PodEvents } from "./pod-events.ts";
import { placedPod } from "./pod-family.ts";
import type { PodRun } from "./pod-run.ts";
import { lostStatus, podStatus, statusTime } from "./pod-status.ts";
import { isTerminal, type PodView, specGraceSeconds } from "./pod-view.ts";
import { Placement } from "./placement.ts";
import type { ProcessRuntimeOptions } from "./runtime-options.ts";
import { unschedulable } from "./waiting.ts";

/** A pod that was taken from the API without a grace of its own gets at most this. */
const GONE_GRACE_SECONDS = 10;

interface Entry {
  readonly run: PodRun;
  /** The last revision of the run that the API was told of. */
  written: number;
}

export interface PodKeeperOptions {
  readonly options: ProcessRuntimeOptions;
  readonly log: Logger;
  readonly api: PodApi;
  readonly informer: Informer<Pod, PodView>;
  readonly queue: WorkQueue;
  readonly events: PodEvents;
  /** Starts the processes of a pod that was given room. */
  readonly start: (pod: PodView, changed: (run: PodRun) => void) => PodRun;
}

/** What is to be done about each pod: it is given room, started, followed, ended and, when it has gone, buried. */
export class PodKeeper {
  readonly #keeper: PodKeeperOptions;
  readonly #placement: Placement;
  readonly #burials: Burials;
  /** By uid. A run stays until the API shows its end. */
  readonly #runs = new Map<string, Entry>();
  /** Which uid a key had when it was last looked at: shows that a pod has gone. */
  readonly #seen = new Map<string, string>();
  #stopping = false;
  #drained: () => void = () => undefined;

  constructor(keeper: PodKeeperOptions) {
    this.#keeper = keeper;
    this.#placement = new Placement(allocatable(keeper.options.capacity));
    this.#burials = new Burials(keeper.options.dataDir, keeper.log);
  }

  /** Who goes before the first look at it was never met by a reconcile, and yet has a folder to be removed. */
  expect(pod: PodView): void {
    this.#seen.set(pod.key, pod.uid);
  }

  log(uid: string, container: string): ContainerLog | undefined {
    return this.#runs.get(uid)?.run.log(container);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.#keeper.informer.get(key);
    const before = this.#seen.get(key);
    if (before !== undefined && before !== pod?.uid) this.#bury(before);
    if (pod === undefined) return void this.#seen.delete(key);
    this.#seen.set(key, pod.uid);
    const entry = this.#runs.get(pod.uid);
    if (entry !== undefined) return await this.#follow(pod, entry, signal);
    if (isTerminal(pod)) return await this.#confirmDeletion(pod, signal);
    const { nodeName = "" } = pod.spec;
    if (nodeName !== "" && nodeName !== this.#keeper.options.nodeName) return;
    if (pod.status.phase === "Running") return await this.#lost(pod, signal);
    if (pod.deletion !== undefined) {
      this.#placement.release(pod.uid);
      return await this.#confirmDeletion(pod, signal);
    }
    this.#placement.wait(placedPod(pod));
    this.#admit();
    await this.#sayWaiting(pod, signal);
  }

  /** A pod that is being run: its status follows its processes, its deletion ends them. */
  async #follow(pod: PodView, entry: Entry, signal: AbortSignal): Promise<void> {
    const { run } = entry;
    const { revision } = run;
    const view = run.view();
    if (isTerminal(pod)) {
      if (!view.ended) return run.stop("gone", goneGraceMs(pod));
      this.#forget(pod.uid);
      return await this.#confirmDeletion(pod, signal);
    }
    if (pod.deletion !== undefined) run.stop("deleted", Math.max(1, pod.deletion.graceSeconds) * 1000);
    if (view.ended && !run.claimed) return await this.#abandoned(pod, signal);
    if (run.claimed && entry.written !== revision) {
      const { api, options } = this.#keeper;
      await api.writeStatus(pod, podStatus(pod, view, options.clock.now()), signal);
      entry.written = revision;
    }
    if (this.#stopping && view.ended) this.#forget(pod.uid);
  }

  /** The claim failed: the pod was gone, or was being deleted, or the runtime stopped before. Nothing was started. */
  async #abandoned(pod: PodView, signal: AbortSignal): Promise<void> {
    this.#forget(pod.uid);
    if (pod.deletion !== undefined) await this.#confirmDeletion(pod, signal);
    else if (!this.#stopping) this.#keeper.queue.addAfter(pod.key, 1000);
  }

  /** Running in the API, but not here: its processes went with an earlier run of homeplane. */
  async #lost(pod: PodView, signal: AbortSignal): Promise<void> {
    const { api, options } = this.#keeper;
    const live = await api.live(pod, signal);
    if (live === undefined || live.status.phase !== "Running" || this.#runs.has(pod.uid)) return;
    await api.writeStatus(live, lostStatus(live, options.clock.now()), signal);
  }

  async #confirmDeletion(pod: PodView, signal: AbortSignal): Promise<void> {
    // With no grace left it only waits for its finalizers: nothing more for us to say.
    if (pod.deletion === undefined || pod.deletion.graceSeconds === 0) return;
    await this.#keeper.api.confirmDeletion(pod, signal);
  }

  async #sayWaiting(pod: PodView, signal: AbortSignal): Promise<void> {
    const { api, options } = this.#keeper;
    const shortage = this.#placement.shortage(pod.uid);
    if (shortage === undefined) return;
    const wanted = [unschedulable(placedPod(pod), shortage, allocatable(options.capacity))];
    const existing = pod.status.conditions ?? [];
    if (sameConditions(existing, wanted)) return;
    const message = wanted[0]?.message ?? "";
    this.#keeper.events.record(pod, {
      type: "Warning",
      reason: "FailedScheduling",
      message,
      component: "default-scheduler",
    });
    const conditions = mergeConditions(existing, wanted, statusTime(options.clock.now()));
    await api.writeStatus(pod, { phase: "Pending", conditions }, signal);
  }

  /** Starts pods as long as there is room. */
  #admit(): void {
    while (!this.#stopping) {
      const next = this.#placement.take();
      if (next === undefined) return;
      const pod = this.#keeper.informer.get(next.key);
      if (pod?.uid !== next.uid || pod.deletion !== undefined || isTerminal(pod)) this.#placement.release(next.uid);
      else this.#runs.set(pod.uid, { run: this.#keeper.start(pod, (run) => this.#changed(run)), written: 0 });
    }
  }

  #changed(run: PodRun): void {
    if (run.view().ended) {
      this.#placement.release(run.pod.uid);
      this.#admit();
    }
    this.#keeper.queue.add(run.pod.key);
  }

  #forget(uid: string): void {
    this.#runs.delete(uid);
    if (this.#stopping && this.#runs.size === 0) this.#drained();
  }

  /** The pod has gone from the API: ends what is left of it, and removes its folder. */
  #bury(uid: string): void {
    const run = this.#runs.get(uid)?.run;
    if (run === undefined) this.#placement.release(uid);
    run?.stop("gone", goneGraceMs(run.pod));
    this.#burials.add(uid, run, () => this.#forget(uid));
    this.#admit();
  }

  /** Starts nothing more and ends what runs. `drained` is when the API has been told of all ends. */
  stop(graceMs: number): { readonly ended: Promise<unknown>; readonly drained: Promise<void> } {
    this.#stopping = true;
    const runs = [...this.#runs.values()].map(({ run }) => run);
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
      if (runs.length === 0) resolve();
    });
    for (const run of runs) run.stop("shutdown", Math.min(graceMs, specGraceSeconds(run.pod.spec) * 1000));
    const ended = Promise.all(runs.map((run) => run.done)).then(() => {
      for (const run of runs) this.#keeper.queue.add(run.pod.key);
      return undefined;
    });
    return { ended, drained };
  }

  /** How many ends the API has not been told of. */
  get untold(): number {
    return this.#runs.size;
  }

  async buried(): Promise<void> {
    await this.#burials.settled();
  }
}

function goneGraceMs(pod: PodView): number {
  return Math.min(specGraceSeconds(pod.spec), GONE_GRACE_SECONDS) * 1000;
}
