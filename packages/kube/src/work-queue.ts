import {
  type Backoff,
  backoffMs,
  type Clock,
  HomeplaneError,
  type Logger,
  messageOf,
  type Random,
} from "@homeplane/runtime-kit";
import { Fifo } from "./fifo.ts";

const DEFAULT_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 60_000, jitter: "full" };

/** Keys are short: a million waiting are some 100 MB, and far more than a cluster has pods. */
const DEFAULT_LIMIT = 1_000_000;

export type Process = (key: string, signal: AbortSignal) => Promise<{ requeueAfterMs?: number } | void>;

/**
 * Level-triggered work on keys, as client-go's `workqueue`: a key is waiting at most once, is never processed twice at the same
 * time, and is processed again when it was added meanwhile. So whoever adds a key after a change is sure that the change is seen.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #backoff: Backoff;
  readonly #limit: number;
  readonly #ready = new Fifo();
  readonly #processing = new Set<string>();
  /** Added while processed. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  #idlers: (() => void)[] = [];
  #pump: () => void = () => undefined;

  constructor(options: { clock: Clock; random: Random; backoff?: Backoff; log: Logger; limit?: number }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
  }

  /** Keys that wait to be processed at once: delayed ones, and those in process, are not counted. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Throws a HomeplaneError `kube.queue_full` when the limit of waiting keys is reached. */
  add(key: string): void {
    if (!this.#ready.has(key) && !this.#processing.has(key)) this.#assertRoom(this.#ready.size);
    this.#enqueue(key);
  }

  /** Adds the key after `ms`; of several delays of a key the one that ends first counts. Throws as {@link add}. */
  addAfter(key: string, ms: number): void {
    if (ms <= 0) return this.add(key);
    if (!this.#delayed.has(key)) this.#assertRoom(this.#delayed.size);
    this.#delay(key, ms);
  }

  /** Until `signal` aborts and what is in process has ended. What then still waits is dropped. One run at a time. */
  async run(options: { workers: number; process: Process; signal: AbortSignal }): Promise<void> {
    const { workers, process, signal } = options;
    await new Promise<void>((resolve) => {
      let active = 0;
      const work = async (key: string): Promise<void> => {
        await this.#processOne(key, process, signal);
        active--;
        pump();
      };
      const pump = (): void => {
        while (!signal.aborted && active < workers) {
          const key = this.#ready.shift();
          if (key === undefined) break;
          active++;
          this.#processing.add(key);
          void work(key);
        }
        this.#checkIdle();
        if (signal.aborted && active === 0) resolve();
      };
      this.#pump = pump;
      signal.addEventListener("abort", pump, { once: true });
      pump();
    });
    this.#clear();
  }

  /** Resolves when nothing waits (delayed keys excluded) and nothing is in process. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.push(resolve);
      this.#checkIdle();
    });
  }

  async #processOne(key: string, process: Process, signal: AbortSignal): Promise<void> {
    let after: number | undefined;
    try {
      const result = await process(key, signal);
      this.#failures.delete(key);
      after = result?.requeueAfterMs;
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      after = backoffMs(this.#backoff, failures, this.#random);
      if (!signal.aborted) {
        this.#log.warn({
          event: "queue.failed",
          key,
          failures: failures + 1,
          retryInMs: after,
          error: messageOf(error),
          err: error,
        });
      }
    }
    this.#processing.delete(key);
    if (signal.aborted) return;
    if (this.#again.delete(key)) this.#ready.push(key);
    if (after !== undefined) this.#delay(key, after);
  }

  /** Without a limit: what comes back from a worker or a timer was let in once. */
  #enqueue(key: string): void {
    if (this.#processing.has(key)) this.#again.add(key);
    else this.#ready.push(key);
    this.#pump();
  }

  #delay(key: string, ms: number): void {
    const at = this.#clock.now() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.at <= at) return;
    known?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.#enqueue(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  #assertRoom(size: number): void {
    if (size < this.#limit) return;
    throw new HomeplaneError(
      "kube.queue_full",
      `the work queue holds ${size} keys, its limit`,
      "Find out why keys are not processed, or raise the queue's limit.",
    );
  }

  #checkIdle(): void {
    if (this.#ready.size > 0 || this.#processing.size > 0) return;
    const idlers = this.#idlers;
    this.#idlers = [];
    for (const resolve of idlers) resolve();
  }

  #clear(): void {
    this.#pump = () => undefined;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#again.clear();
    this.#failures.clear();
    this.#ready.clear();
    this.#checkIdle();
  }
}
