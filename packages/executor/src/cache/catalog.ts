/**
 * The catalog of cached results as the executor sees it: calls to the control plane that end soon whatever the control plane does, and the
 * reservations that this process holds. Nothing here must outlive the process: an entry is in the control plane, what became of a lookup is on the
 * pod, and a reservation whose holder is gone expires.
 */
import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { CachedOutputSchema } from "@homeplane/idl/flyteidl2/cacheservice/cacheservice";
import type { CacheService } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import type { CacheSource } from "@homeplane/idl";
import type { CacheScope } from "./cacheable.ts";

const callTimeoutMs = 3_000;
/** Fewer than there are workers: a control plane that hangs must not stop those who need it not. */
const maxCalls = 8;
/** After a call that failed the next ones are not even tried. */
const restMs = 1_000;
const forgottenMs = 60_000;
export const heartbeatMs = 20_000;

export interface Entry {
  readonly outputUri: string;
  /** When that output was stored, milliseconds since the epoch; absent when the catalog does not say. */
  readonly storedAt?: number;
  readonly source?: CacheSource;
}

export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  /** Too many calls are under way: ask again at once. */
  | { readonly kind: "busy" }
  /** The control plane does not answer now. */
  | { readonly kind: "away" }
  /** It will never answer this call. */
  | { readonly kind: "refused" };

interface Hold {
  readonly scope: CacheScope;
  readonly key: string;
  extendedAt: number;
}

export class Catalog {
  readonly #client: Client<typeof CacheService>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #wake: (taskActionKey: string) => void;
  #calls = 0;
  #restUntil = 0;
  /** Of the first of the calls that failed, with none between that succeeded. */
  #awaySince: number | undefined;
  /** By the holder's uid. */
  readonly #holds = new Map<string, Hold>();
  /** TaskActions that wait for a result, and for which. */
  readonly #waiting = new Map<string, string>();

  constructor(options: {
    readonly client: Client<typeof CacheService>;
    readonly clock: Clock;
    readonly log: Logger;
    /** What this TaskAction waits for may be there. */
    readonly wake: (taskActionKey: string) => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#wake = options.wake;
  }

  /** How long it is known that the control plane does not answer: what one action has waited for, the next need not. */
  awayMs(): number {
    return this.#awaySince === undefined ? 0 : this.#clock.now() - this.#awaySince;
  }

  async get(scope: CacheScope, key: string, signal: AbortSignal): Promise<Answer<Entry | undefined>> {
    return this.#call("get", signal, async (options) => {
      try {
        const { output } = await this.#client.get({ identifier: scope, baseRequest: { key } }, options);
        if (output?.output.case !== "outputUri") return undefined;
        const { metadata } = output;
        const storedAt = metadata?.lastUpdatedAt ?? metadata?.createdAt;
        const { run = "", action = "", attempt = "" } = metadata?.keyMap?.values ?? {};
        return {
          outputUri: output.output.value,
          ...(storedAt === undefined ? {} : { storedAt: timestampMs(storedAt) }),
          ...(run === "" ? {} : { source: { runName: run, actionName: action, attempt: Number(attempt) || 1 } }),
        };
      } catch (error) {
        if (error instanceof ConnectError && error.code === Code.NotFound) return undefined;
        throw error;
      }
    });
  }

  /** The newest output is the entry, whoever was first. */
  async put(
    scope: CacheScope,
    key: string,
    outputUri: string,
    source: CacheSource,
    signal: AbortSignal,
  ): Promise<Answer<void>> {
    const values = { run: source.runName, action: source.actionName, attempt: String(source.attempt) };
    const answer = await this.#call("put", signal, async (options) => {
      const output = create(CachedOutputSchema, {
        output: { case: "outputUri", value: outputUri },
        metadata: { keyMap: { values } },
      });
      const baseRequest = { key, output, overwrite: { overwrite: true } };
      await this.#client.put({ identifier: scope, baseRequest }, options);
    });
    if (answer.kind === "ok") this.#wakeWaiting(scope, key);
    return answer;
  }

  /** Whose it is: ours when that is `owner`. */
  async reserve(scope: CacheScope, key: string, owner: string, signal: AbortSignal): Promise<Answer<string>> {
    const answer = await this.#call("reserve", signal, async (options) => {
      const heartbeatInterval = durationFromMs(heartbeatMs);
      const baseRequest = { key, ownerId: owner, heartbeatInterval };
      const { reservation } = await this.#client.getOrExtendReservation({ identifier: scope, baseRequest }, options);
      return reservation?.ownerId ?? "";
    });
    if (answer.kind === "ok" && answer.value === owner)
      this.#holds.set(owner, { scope, key, extendedAt: this.#clock.now() });
    return answer;
  }

  /** Keeps a reservation alive that the pod of `owner` says it has. Returns when to call again, in milliseconds. */
  async extend(scope: CacheScope, key: string, owner: string, signal: AbortSignal): Promise<number> {
    const hold = this.#holds.get(owner);
    const left = (hold?.extendedAt ?? 0) + heartbeatMs - this.#clock.now();
    if (left > 0) return left;
    const answer = await this.reserve(scope, key, owner, signal);
    if (answer.kind !== "ok") return restMs;
    // It expired and another one took it: two run now, both store the same.
    if (answer.value !== owner) this.#holds.set(owner, { scope, key, extendedAt: this.#clock.now() });
    return heartbeatMs;
  }

  /** Best effort: what is not released expires. */
  async release(owner: string, signal: AbortSignal): Promise<void> {
    const hold = this.#holds.get(owner);
    if (hold === undefined) return;
    this.#holds.delete(owner);
    const { scope, key } = hold;
    await this.#call("release", signal, (options) =>
      this.#client.releaseReservation({ identifier: scope, baseRequest: { key, ownerId: owner } }, options),
    );
    this.#wakeWaiting(scope, key);
  }

  /** The action is woken when the result, or the right to make it, may be had in this process. */
  waitFor(taskActionKey: string, scope: CacheScope, key: string): void {
    this.#waiting.set(taskActionKey, idOf(scope, key));
  }

  waitNoMore(taskActionKey: string): void {
    this.#waiting.delete(taskActionKey);
  }

  #wakeWaiting(scope: CacheScope, key: string): void {
    const wanted = idOf(scope, key);
    for (const [taskActionKey, id] of this.#waiting) if (id === wanted) this.#wake(taskActionKey);
  }

  async #call<T>(
    name: string,
    signal: AbortSignal,
    call: (options: { signal: AbortSignal; timeoutMs: number }) => Promise<T>,
  ): Promise<Answer<T>> {
    if (this.#clock.now() < this.#restUntil) return { kind: "away" };
    if (this.#calls >= maxCalls) return { kind: "busy" };
    this.#calls++;
    try {
      const value = await call({ signal, timeoutMs: callTimeoutMs });
      this.#awaySince = undefined;
      return { kind: "ok", value };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectError)) throw error;
      this.#log.warn({ event: "cache.failed", call: name, error: messageOf(error) });
      if (!passes.has(error.code)) {
        this.#awaySince = undefined;
        return { kind: "refused" };
      }
      const now = this.#clock.now();
      // A failure of long ago tells nothing of now: nobody has asked meanwhile.
      if (this.#awaySince === undefined || now - this.#restUntil > forgottenMs) this.#awaySince = now;
      this.#restUntil = now + restMs;
      return { kind: "away" };
    } finally {
      this.#calls--;
    }
  }
}

/** Failures that may be over in a moment. */
const passes: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Canceled,
  Code.Aborted,
  Code.ResourceExhausted,
  Code.Internal,
  Code.Unknown,
]);

function idOf({ org, project, domain }: CacheScope, key: string): string {
  return [org, project, domain, key].join("\n");
}
