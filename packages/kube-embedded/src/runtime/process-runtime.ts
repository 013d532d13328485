import { Informer, type Pod, pods, WorkQueue } from "@homeplane/kube";
import { type Logger, messageOf, type Service, sleep } from "@homeplane/runtime-kit";
import { sameConditions, mergeConditions } from "./conditions.ts";
import { nodeMark, podFolders, removePodFolder } from "./folders.ts";
import { criFile } from "./log-files.ts";
import { readLog, sinceOf } from "./log-reader.ts";
import { OomKills } from "./oom-kills.ts";
import { PodApi } from "./pod-api.ts";
import { PodRun } from "./pod-run.ts";
import { lostStatus, podStatus, statusTime, unschedulable } from "./pod-status.ts";
import { isTerminal, type PodView, podView, specGraceSeconds } from "./pod-view.ts";
import type { PodLogsRequest, ProcessRuntimeOptions } from "./runtime-options.ts";
import { Slots, slotPod } from "./slots.ts";
import { endSurvivors, tidyPodFolders } from "./survivors.ts";

const DEFAULT_LOG_MAX_BYTES = 256 * 1024 * 1024;
const DEFAULT_STOP_GRACE_MS = 10_000;
/** After the last process has ended, for the status of their pods to reach the API. */
const LAST_WRITES_MS = 5_000;
/** More than killing takes when it can succeed at all. */
const UNKILLABLE_MS = 15_000;
/** A pod that was taken from the API without a grace of its own gets at most this. */
const GONE_GRACE_SECONDS = 10;
const WORKERS = 16;

/**
 * A kubelet without containers: runs the pods of a Kubernetes API as local processes. Level-triggered on the pods' keys; all it
 * knows of a pod that does not run is read from the API, so it can be killed at any time.
 */
export class ProcessRuntime implements Service {
  readonly name = "process-runtime";
  readonly #options: ProcessRuntimeOptions;
  readonly #log: Logger;
  readonly #api: PodApi;
  readonly #informer: Informer<Pod, PodView>;
  readonly #queue: WorkQueue;
  readonly #slots: Slots;
  readonly #oomKills = new OomKills();
  /** By uid. A run stays until the API shows its end. */
  readonly #runs = new Map<string, { readonly run: PodRun; written: number }>();
  /** Which uid a key had when it was last looked at: shows that a pod has gone. */
  readonly #seen = new Map<string, string>();
  readonly #burials = new Set<Promise<void>>();
  #stopping = false;
  #drained: () => void = () => undefined;

  constructor(options: ProcessRuntimeOptions) {
    const { client, clock, random } = options;
    this.#options = options;
    this.#log = options.log.child({ service: this.name });
    this.#api = new PodApi(client, options.nodeName);
    this.#informer = new Informer({ client, type: pods, project: podView, clock, random, log: this.#log });
    this.#queue = new WorkQueue({ clock, random, log: this.#log });
    this.#slots = new Slots(options.slots);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { dataDir, clock } = this.#options;
    // Outlives `signal`: the end of the pods is still to be written.
    const inner = new AbortController();
    await endSurvivors(dataDir, clock, this.#log);
    const informing = this.#informer.run(inner.signal);
    try {
      if (!(await this.#synced(signal))) return;
      const known = new Set<string>();
      for (const pod of this.#informer.list()) {
        known.add(pod.uid);
        // Who goes before the first look at it was never met by a reconcile, and yet has a folder to be removed.
        this.#seen.set(pod.key, pod.uid);
      }
      // From here on, not after the tidying: it may take long, and who goes meanwhile is in no later list. Work starts below.
      const unlisten = this.#informer.onChange(({ key }) => this.#queue.add(key));
      await tidyPodFolders(dataDir, (uid) => known.has(uid), {
        ...this.#options,
        logMaxBytes: this.#logMaxBytes,
        log: this.#log,
      });
      const working = this.#queue.run({
        workers: WORKERS,
        process: (key, stop) => this.#reconcile(key, stop),
        signal: inner.signal,
      });
      await Promise.race([aborted(signal), informing]);
      await this.#stopAll();
      unlisten();
      inner.abort();
      await working;
    } finally {
      inner.abort();
      await informing;
    }
  }

  /** The bytes of a container's log, as a kubelet serves them. */
  async *podLogs(request: PodLogsRequest): AsyncGenerator<Uint8Array> {
    const file = criFile(podFolders(this.#options.dataDir, request.uid).log(request.container));
    const live = this.#runs.get(request.uid)?.run.log(request.container);
    const since = sinceOf(request, this.#options.clock.now());
    yield* readLog(file, live, { ...request, ...(since === undefined ? {} : { since }) });
  }

  get #logMaxBytes(): number {
    return this.#options.logMaxBytes ?? DEFAULT_LOG_MAX_BYTES;
  }

  async #synced(signal: AbortSignal): Promise<boolean> {
    await Promise.race([this.#informer.synced, aborted(signal)]);
    return !signal.aborted;
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.#informer.get(key);
    const before = this.#seen.get(key);
    if (before !== undefined && before !== pod?.uid) this.#bury(before);
    if (pod === undefined) return void this.#seen.delete(key);
    this.#seen.set(key, pod.uid);
    const entry = this.#runs.get(pod.uid);
    if (entry !== undefined) return await this.#follow(pod, entry, signal);
    if (isTerminal(pod)) return await this.#confirmDeletion(pod, signal);
    if (pod.status.phase === "Running") return await this.#lost(pod, signal);
    if (pod.deletion !== undefined) {
      this.#slots.release(pod.uid);
      return await this.#confirmDeletion(pod, signal);
    }
    this.#slots.wait(slotPod(pod));
    this.#admit();
    if (this.#slots.isWaiting(pod.uid)) await this.#sayWaiting(pod, signal);
  }

  /** A pod that is being run: its status follows its processes, its deletion ends them. */
  async #follow(pod: PodView, entry: { readonly run: PodRun; written: number }, signal: AbortSignal): Promise<void> {
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
      await this.#api.writeStatus(pod, podStatus(pod, view, this.#options.clock.now()), signal);
      entry.written = revision;
    }
    if (this.#stopping && view.ended) this.#forget(pod.uid);
  }

  /** The claim failed: the pod was gone, or was being deleted, or the runtime stopped before. Nothing was started. */
  async #abandoned(pod: PodView, signal: AbortSignal): Promise<void> {
    this.#forget(pod.uid);
    if (pod.deletion !== undefined) await this.#confirmDeletion(pod, signal);
    else if (!this.#stopping) this.#queue.addAfter(pod.key, 1000);
  }

  /** Running in the API, but not here: its processes went with an earlier run of homeplane. */
  async #lost(pod: PodView, signal: AbortSignal): Promise<void> {
    const live = await this.#api.live(pod, signal);
    if (live === undefined || live.status.phase !== "Running" || this.#runs.has(pod.uid)) return;
    await this.#api.writeStatus(live, lostStatus(live, this.#options.clock.now()), signal);
  }

  async #confirmDeletion(pod: PodView, signal: AbortSignal): Promise<void> {
    // With no grace left it only waits for its finalizers: nothing more for us to say.
    if (pod.deletion === undefined || pod.deletion.graceSeconds === 0) return;
    await this.#api.confirmDeletion(pod, signal);
  }

  async #sayWaiting(pod: PodView, signal: AbortSignal): Promise<void> {
    const message = `0/1 nodes are available: all ${this.#slots.total} slots of this machine are in use; the pod starts when one is free`;
    const wanted = [unschedulable(message)];
    const existing = pod.status.conditions ?? [];
    if (sameConditions(existing, wanted)) return;
    const conditions = mergeConditions(existing, wanted, statusTime(this.#options.clock.now()));
    await this.#api.writeStatus(pod, { phase: "Pending", conditions }, signal);
  }

  /** Starts pods as long as there are free slots. */
  #admit(): void {
    while (!this.#stopping) {
      const next = this.#slots.take();
      if (next === undefined) return;
      const pod = this.#informer.get(next.key);
      if (pod?.uid !== next.uid || pod.deletion !== undefined || isTerminal(pod)) this.#slots.release(next.uid);
      else this.#runs.set(pod.uid, { run: this.#start(pod), written: 0 });
    }
  }

  #start(pod: PodView): PodRun {
    const { dataDir, baseEnv, python, nodeName, clock, random } = this.#options;
    return new PodRun(pod, {
      folders: podFolders(dataDir, pod.uid),
      env: {
        baseEnv,
        ...(python === undefined ? {} : { python }),
        nodeMark: nodeMark(dataDir),
        nodeName,
        readSecret: (namespace, name, key) => this.#api.readSecret(namespace, name, key),
      },
      logMaxBytes: this.#logMaxBytes,
      oomKills: this.#oomKills,
      clock,
      random,
      log: this.#log,
      claim: (one, signal) => this.#api.bind(one, signal),
      changed: (run) => this.#changed(run),
    });
  }

  #changed(run: PodRun): void {
    if (run.view().ended) {
      this.#slots.release(run.pod.uid);
      this.#admit();
    }
    this.#queue.add(run.pod.key);
  }

  #forget(uid: string): void {
    this.#runs.delete(uid);
    if (this.#stopping && this.#runs.size === 0) this.#drained();
  }

  /** The pod has gone from the API: ends what is left of it, and removes its folder. */
  #bury(uid: string): void {
    const run = this.#runs.get(uid)?.run;
    if (run === undefined) this.#slots.release(uid);
    run?.stop("gone", goneGraceMs(run.pod));
    const burial = this.#clear(uid, run);
    void burial.finally(() => this.#burials.delete(burial));
    this.#burials.add(burial);
    this.#admit();
  }

  async #clear(uid: string, run: PodRun | undefined): Promise<void> {
    try {
      await run?.done;
      this.#forget(uid);
      await removePodFolder(podFolders(this.#options.dataDir, uid).root);
    } catch (error) {
      const fields = { event: "pod_folder_not_removed", uid, error: messageOf(error) };
      this.#log.error(fields, "the folder of a pod that has gone could not be removed");
    }
  }

  async #stopAll(): Promise<void> {
    this.#stopping = true;
    const runs = [...this.#runs.values()];
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    const graceMs = this.#options.stopGraceMs ?? DEFAULT_STOP_GRACE_MS;
    for (const { run } of runs) run.stop("shutdown", Math.min(graceMs, specGraceSeconds(run.pod.spec) * 1000));
    // A process in an uninterruptible state (a dead network disk) must not hold up the program for ever.
    await this.#atMost(Promise.all(runs.map(({ run }) => run.done)), graceMs + UNKILLABLE_MS);
    for (const { run } of runs) this.#queue.add(run.pod.key);
    if (this.#runs.size > 0) await this.#atMost(drained, LAST_WRITES_MS);
    if (this.#runs.size > 0) {
      this.#log.warn(
        { event: "pod_ends_not_written", pods: this.#runs.size },
        "the end of some pods did not reach the API; the next start writes it",
      );
    }
    await this.#atMost(Promise.all(this.#burials), LAST_WRITES_MS);
  }

  async #atMost(work: Promise<unknown>, ms: number): Promise<void> {
    const done = new AbortController();
    const limit = sleep(this.#options.clock, ms, done.signal).catch(() => undefined);
    await Promise.race([work, limit]);
    done.abort();
  }
}

function goneGraceMs(pod: PodView): number {
  return Math.min(specGraceSeconds(pod.spec), GONE_GRACE_SECONDS) * 1000;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
