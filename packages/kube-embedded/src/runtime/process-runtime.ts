import { Informer, type Pod, pods, WorkQueue } from "@homeplane/kube";
import { type Logger, type Service, sleep } from "@homeplane/runtime-kit";
import { type Cgroups, openCgroups } from "./cgroups.ts";
import { ContainerWatch } from "./container-watch.ts";
import { nodeMark, podFolders } from "./folders.ts";
import { criFile } from "./log-files.ts";
import { readLog, sinceOf } from "./log-reader.ts";
import { registerNode } from "./node-object.ts";
import { OomKills } from "./oom-kills.ts";
import { PodApi } from "./pod-api.ts";
import { PodEvents } from "./pod-events.ts";
import { PodKeeper } from "./pod-keeper.ts";
import { PodRun } from "./pod-run.ts";
import { type PodView, podView } from "./pod-view.ts";
import type { PodLogsRequest, ProcessRuntimeOptions } from "./runtime-options.ts";
import { endSurvivors, tidyPodFolders } from "./survivors.ts";

const DEFAULT_LOG_MAX_BYTES = 256 * 1024 * 1024;
const DEFAULT_STOP_GRACE_MS = 10_000;
/** After the last process has ended, for the status of their pods to reach the API. */
const LAST_WRITES_MS = 5_000;
/** More than killing takes when it can succeed at all. */
const UNKILLABLE_MS = 15_000;
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
  readonly #keeper: PodKeeper;
  readonly #oomKills = new OomKills();
  readonly #watch: ContainerWatch;
  readonly #events: PodEvents;
  #cgroups: Cgroups | undefined;

  constructor(options: ProcessRuntimeOptions) {
    const { client, clock, random } = options;
    const log = options.log.child({ service: this.name });
    const api = new PodApi(client, options.nodeName);
    const informer = new Informer<Pod, PodView>({ client, type: pods, project: podView, clock, random, log });
    const queue = new WorkQueue({ clock, random, log });
    this.#options = options;
    this.#watch = new ContainerWatch(clock);
    this.#log = log;
    this.#api = api;
    this.#informer = informer;
    this.#queue = queue;
    const events = new PodEvents({ client, nodeName: options.nodeName, clock, log });
    this.#events = events;
    const start = (pod: PodView, changed: (run: PodRun) => void): PodRun => this.#start(pod, changed);
    this.#keeper = new PodKeeper({ options, log, api, informer, queue, events, start });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { dataDir, clock, client, nodeName, capacity } = this.#options;
    // Outlives `signal`: the end of the pods is still to be written.
    const inner = new AbortController();
    await endSurvivors(dataDir, clock, this.#log);
    this.#cgroups = this.#options.cgroups === false ? undefined : await openCgroups(dataDir, nodeMark(dataDir), clock);
    await registerNode(client, nodeName, capacity, clock, inner.signal);
    const informing = this.#informer.run(inner.signal);
    try {
      if (!(await this.#synced(signal))) return;
      const known = new Set<string>();
      for (const pod of this.#informer.list()) {
        known.add(pod.uid);
        this.#keeper.expect(pod);
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
        process: (key, stop) => this.#keeper.reconcile(key, stop),
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
      await this.#cgroups?.close();
    }
  }

  /** The bytes of a container's log, as a kubelet serves them. */
  async *podLogs(request: PodLogsRequest): AsyncGenerator<Uint8Array> {
    const file = criFile(podFolders(this.#options.dataDir, request.uid).log(request.container));
    const live = this.#keeper.log(request.uid, request.container);
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

  #start(pod: PodView, changed: (run: PodRun) => void): PodRun {
    const { dataDir, baseEnv, python, nodeName, clock, random } = this.#options;
    return new PodRun(pod, {
      folders: podFolders(dataDir, pod.uid),
      env: {
        baseEnv,
        ...(python === undefined ? {} : { python }),
        nodeMark: nodeMark(dataDir),
        nodeName,
        references: this.#api,
      },
      logMaxBytes: this.#logMaxBytes,
      oomKills: this.#oomKills,
      watch: this.#watch,
      ...(this.#cgroups === undefined ? {} : { cgroups: this.#cgroups }),
      clock,
      random,
      log: this.#log,
      claim: (one, signal) => this.#api.bind(one, signal),
      event: (one, event) => this.#events.record(one, event),
      changed,
    });
  }

  async #stopAll(): Promise<void> {
    const graceMs = this.#options.stopGraceMs ?? DEFAULT_STOP_GRACE_MS;
    const { ended, drained } = this.#keeper.stop(graceMs);
    // A process in an uninterruptible state (a dead network disk) must not hold up the program for ever.
    await this.#atMost(ended, graceMs + UNKILLABLE_MS);
    await this.#atMost(drained, LAST_WRITES_MS);
    if (this.#keeper.untold > 0) {
      this.#log.warn(
        { event: "pod_ends_not_written", pods: this.#keeper.untold },
        "the end of some pods did not reach the API; the next start writes it",
      );
    }
    await this.#atMost(this.#keeper.buried(), LAST_WRITES_MS);
    await this.#events.close(LAST_WRITES_MS);
  }

  async #atMost(work: Promise<unknown>, ms: number): Promise<void> {
    const done = new AbortController();
    const limit = sleep(this.#options.clock, ms, done.signal).catch(() => undefined);
    await Promise.race([work, limit]);
    done.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
