/**
 * A reconcile loop around one belief, "the store follows the server": each turn lists if it must, opens a watch, lets go of the
 * one before, and sleeps until there is a reason to turn again: the watch ended, it is time to rotate it, or time to list anew.
 * A new watch is open before the old one is closed, so that a rotation delays no event.
 */
import {
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  pause,
  type Random,
  type Service,
} from "@homeplane/runtime-kit";
import { untilAborted } from "./abort.ts";
import type { KubeClient } from "./client.ts";
import type { Selection } from "./client-options.ts";
import { type InformerOptions, RECONNECT, RESYNC_MS, ROTATE_MS, SERVER_SLACK_MS, WELL_MS } from "./informer-options.ts";
import { InformerState } from "./informer-state.ts";
import { type Change, InformerStore } from "./informer-store.ts";
import { isExpired, isTooLarge, KubeError } from "./kube-error.ts";
import type { KubeObject, ResourceType } from "./meta.ts";
import { openSession, type WatchSession } from "./watch-session.ts";

export class Informer<T extends KubeObject, P = T> implements Service {
  readonly name: string;
  readonly synced: Promise<void>;
  readonly #client: KubeClient;
  readonly #type: ResourceType<T>;
  readonly #selection: Selection;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #resyncMs: number;
  readonly #store: InformerStore<P>;
  readonly #state: InformerState<T, P>;
  readonly #sync = Promise.withResolvers<void>();
  #hasSynced = false;
  #session: WatchSession | undefined;
  #mustList = true;
  #failures = 0;
  #listAt = 0;
  #rotateAt = 0;

  constructor(options: InformerOptions<T, P>) {
    const { client, type, namespace, labelSelector, fieldSelector } = options;
    this.name = `informer ${type.plural}`;
    this.#client = client;
    this.#type = type;
    this.#selection = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log.child({ informer: type.plural });
    this.#resyncMs = options.resyncMs ?? RESYNC_MS;
    this.#store = new InformerStore(options.indexes ?? {}, this.#log);
    this.#state = new InformerState(this.#store, options.project ?? ((object: T) => object as T & P), this.#log);
    this.synced = this.#sync.promise;
    // Whoever awaits it is told; that nobody does is no error.
    this.synced.catch((error: unknown) => this.#log.debug({ event: "informer.never_synced", error: messageOf(error) }));
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** By {@link keyOf}. */
  get(key: string): P | undefined {
    return this.#store.get(key)?.object;
  }

  list(): P[] {
    return this.#store.list();
  }

  /** Throws a RangeError when there is no such index. */
  byIndex(index: string, value: string): P[] {
    return this.#store.byIndex(index, value);
  }

  /** Called at once for each change, in order, after it is in the store; first with "added" for all that exists already. */
  onChange(listener: (change: Change<P>) => void): () => void {
    return this.#store.listen(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        try {
          await this.#connect(signal);
        } catch (error) {
          if (signal.aborted) break;
          await this.#recover(error, signal);
          continue;
        }
        await this.#settle(signal);
      }
    } finally {
      await this.#session?.close();
      if (!this.#hasSynced) this.#sync.reject(signal.reason);
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    if (now >= this.#listAt) this.#mustList = true;
    const from = this.#mustList ? await this.#relist(signal) : this.#state.version;
    const lifeMs = ROTATE_MS * (1 + this.#random());
    const next = await openSession({
      client: this.#client,
      type: this.#type,
      selection: this.#selection,
      resourceVersion: from,
      timeoutSeconds: Math.ceil((lifeMs + SERVER_SLACK_MS) / 1000),
      now: this.#clock.now(),
      signal,
      apply: (event) => this.#state.apply(event),
    });
    const old = this.#session;
    this.#session = next;
    this.#rotateAt = this.#clock.now() + lifeMs;
    await old?.close();
  }

  /** Returns the version that a watch has to start from. */
  async #relist(signal: AbortSignal): Promise<string> {
    this.#state.begin();
    let version = "";
    try {
      for await (const page of this.#client.listPages(this.#type, { ...this.#selection, signal })) {
        this.#state.add(page.items);
        version = page.resourceVersion;
      }
      if (this.#state.wentBack(version)) {
        this.#log.warn({ event: "informer.went_back", from: this.#state.version, to: version });
        await this.#session?.close();
      }
    } catch (error) {
      this.#state.abandon();
      throw error;
    }
    const { changed } = this.#state.finish(version);
    this.#mustList = false;
    this.#listAt = this.#clock.now() + this.#resyncMs * (0.75 + 0.5 * this.#random());
    if (!this.#hasSynced) {
      this.#hasSynced = true;
      this.#sync.resolve();
    }
    this.#log.debug({ event: "informer.listed", version, changed });
    return version;
  }

  /** Until there is a reason to connect again. */
  async #settle(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    await this.#pause(Math.min(this.#rotateAt, this.#listAt) - this.#clock.now(), session, signal);
    if (signal.aborted) return;
    const well = session.delivered() || this.#clock.now() - session.startedAt >= WELL_MS;
    if (well) this.#failures = 0;
    if (!session.hasEnded()) return;
    const { error } = await session.ended;
    // A server that ends each watch at once, without a word, is not well either.
    if (error !== undefined || !well) await this.#recover(error ?? new Error("the watch ended at once"), signal);
  }

  /** Waits as the failure demands. A watch that still lives goes on meanwhile, and its end does not cut the wait short. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    if (isExpired(error) || isTooLarge(error)) this.#mustList = true;
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = asked + backoffMs(RECONNECT, this.#failures, this.#random);
    this.#failures++;
    const level = this.#failures > 3 ? "warn" : "debug";
    this.#log[level]({ event: "informer.reconnect", failures: this.#failures, waitMs: wait, error: messageOf(error) });
    await pause(this.#clock, wait, signal);
  }

  /** Until `ms` have passed, the session ended, or the signal aborted. */
  async #pause(ms: number, session: WatchSession, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(Math.max(0, ms), resolve);
    try {
      await untilAborted(
        Promise.race([promise, session.ended]).then(() => undefined),
        signal,
      );
    } catch (reason) {
      if (!signal.aborted) throw reason;
    } finally {
      cancel();
    }
  }
}
