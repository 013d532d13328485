/**
 * One call of the store's API: signed, bounded, and tried again where that is safe. Every body that is sent is in memory, so a try can
 * be repeated; a write under a condition is not repeated when the one before may have been done, since it would then refuse itself.
 */
import { hash } from "node:crypto";
import { type Backoff, backoffMs, type Clock, type Random, sleep } from "@homeplane/runtime-kit";
import type { CredentialSource } from "../credentials/source.ts";
import { ObjectStoreError } from "../error.ts";
import { canonicalQuery } from "../sigv4/canonical.ts";
import { signRequest } from "../sigv4/sign-request.ts";
import type { Addresser } from "./address.ts";
import { connectionError, wasNotSent } from "./connection-error.ts";
import type { HttpAnswer, HttpClient } from "./http-client.ts";
import { type Refusal, refusalOf } from "./refusal.ts";

const MAX_TRIES = 6;
const PAUSE: Backoff = { baseMs: 100, maxMs: 5_000, jitter: "full" };
/** No new try after that: callers wait for the answer. */
const GIVE_UP_AFTER_MS = 60_000;
const HEAD_TIMEOUT_MS = 30_000;
/** Of a body that is sent: slower than that is taken for dead. */
const SLOWEST_BYTES_PER_MS = 50;

export interface S3Call {
  /** As the API reference names it. */
  readonly operation: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly bucket: string;
  readonly key?: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** False when a second doing would do something else than the first. */
  readonly repeatable?: boolean;
  /** On top of what the body needs. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface CallerOptions {
  readonly http: HttpClient;
  readonly target: Addresser;
  readonly region: string;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly random: Random;
}

/** Resolves with a success (2xx), whose body is then the caller's; throws `ObjectStoreError`, or the signal's reason. */
export type Caller = (call: S3Call) => Promise<HttpAnswer>;

const EMPTY_HASH = hash("sha256", "", "hex");
const NEVER = new AbortController().signal;

export function createCaller({ http, target, region, credentials, clock, random }: CallerOptions): Caller {
  async function once(call: S3Call, payloadHash: string, signal: AbortSignal): Promise<HttpAnswer | Refusal> {
    const { method, bucket, key = "", query = [], headers = {}, body } = call;
    const held = await credentials.get({ signal });
    const { origin, host, path } = target(bucket, key);
    const signed = signRequest({ method, host, path, query, headers, payloadHash }, held, region, clock.now());
    const wire = query.length === 0 ? path : `${path}?${canonicalQuery(query)}`;
    const timeoutMs = (call.timeoutMs ?? HEAD_TIMEOUT_MS) + (body?.byteLength ?? 0) / SLOWEST_BYTES_PER_MS;
    const what = `${call.operation} of ${bucket}${key === "" ? "" : `/${key}`} at ${origin}`;
    try {
      const answer = await http.exchange({
        method,
        origin,
        path: wire,
        headers: signed,
        timeoutMs,
        signal,
        ...(body && { body }),
      });
      if (answer.status < 300) return answer;
      const refusal = await refusalOf(call.operation, what, answer, clock.now());
      if (refusal.retry === "credentials") credentials.invalidate(held);
      return refusal;
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      const error = connectionError(call.operation, what, cause);
      return { error, retry: error.code !== "Unavailable" ? "never" : wasNotSent(cause) ? "rejected" : "unclear" };
    }
  }

  return async (call) => {
    const signal = call.signal ?? NEVER;
    const payloadHash = call.body === undefined ? EMPTY_HASH : hash("sha256", call.body, "hex");
    const began = clock.now();
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const outcome = await once(call, payloadHash, signal);
      if (!("retry" in outcome)) return outcome;
      const { error, retry, afterMs = 0 } = outcome;
      if (retry === "unclear" && call.repeatable === false) throw unclear(error);
      const pauseMs = Math.max(afterMs, backoffMs(PAUSE, tries - 1, random));
      const late = clock.now() - began + pauseMs > GIVE_UP_AFTER_MS;
      if (retry === "never" || tries >= MAX_TRIES || late || (retry === "credentials" && tries > 1))
        throw afterTries(error, tries);
      await sleep(clock, pauseMs, signal);
    }
  };
}

function unclear(error: ObjectStoreError): ObjectStoreError {
  return withMessage(error, `${error.message}; whether it was done is not known, and it can not be repeated`);
}

function afterTries(error: ObjectStoreError, tries: number): ObjectStoreError {
  return tries === 1 ? error : withMessage(error, `${error.message} (${tries} tries)`);
}

function withMessage(error: ObjectStoreError, message: string): ObjectStoreError {
  return new ObjectStoreError(error.code, message, { cause: error, ...(error.call && { call: error.call }) });
}
