/**
 * One call of the API: requests through the transport until one is answered, the error is final, the tries are used up or the
 * deadline passes. Every error that leaves here is a KubeError, or the reason of the caller's own signal.
 */
import { type Clock, type Logger, messageOf, type Random, sleep } from "@homeplane/runtime-kit";
import { deadline, untilAborted } from "./abort.ts";
import { collect, MAX_BODY_BYTES } from "./body.ts";
import { KubeError } from "./kube-error.ts";
import { retryDelayMs } from "./retry.ts";
import { errorOfResponse } from "./status.ts";
import { NotSentError, type Transport, type TransportResponse } from "./transport.ts";

/** For a whole unary call, all its tries and the reading of the answer; for a stream, until the answer starts. */
export const DEADLINE_MS = 30_000;

const MAX_ERROR_BYTES = 1024 * 1024;

export interface CallContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly userAgent: string;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
}

/** The whole answer to `call`. */
export async function unary(context: CallContext, call: Call, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const limit = deadline(signal, context.clock, DEADLINE_MS, () => timeoutOf(call, DEADLINE_MS));
  try {
    return await withRetries(context, call, limit.signal, async () => {
      const response = await exchange(context, call, limit.signal);
      return await untilAborted(collect(response.body, MAX_BODY_BYTES), limit.signal);
    });
  } finally {
    limit.dispose();
  }
}

/** Repeats `attempt` as far as that is safe. `signal` carries the deadline; its reason is thrown as it is. */
export async function withRetries<T>(
  context: CallContext,
  call: Call,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const { clock, log, random } = context;
  const endsAt = clock.now() + DEADLINE_MS;
  for (let n = 0; ; n++) {
    try {
      return await attempt();
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const error = asKubeError(thrown, call);
      const wait = retryDelayMs(error, call.method, n, random);
      if (wait === undefined || clock.now() + wait >= endsAt) throw error;
      log.debug({ event: "kube.retry", method: call.method, path: call.path, try: n + 1, wait, error: error.message });
      await sleep(clock, wait, signal);
    }
  }
}

/** One request; rejects with a KubeError when the answer is an error. */
export async function exchange(context: CallContext, call: Call, signal: AbortSignal): Promise<TransportResponse> {
  const body = call.body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(call.body));
  const response = await untilAborted(
    context.transport.request({
      method: call.method,
      path: call.path,
      headers: {
        accept: call.accept ?? "application/json",
        "user-agent": context.userAgent,
        ...(body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
      signal,
    }),
    signal,
  );
  if (response.status < 400) return response;
  const text = new TextDecoder().decode(await untilAborted(collect(response.body, MAX_ERROR_BYTES), signal));
  throw errorOfResponse(response.status, response.headers, text, context.clock.now());
}

export function timeoutOf(call: Call, ms: number): KubeError {
  return new KubeError({
    status: 0,
    reason: "Timeout",
    message: `${call.method} ${call.path}: no answer within ${ms / 1000} s`,
  });
}

export function asKubeError(thrown: unknown, call: Call): KubeError {
  if (thrown instanceof KubeError) return thrown;
  const reason = thrown instanceof NotSentError ? "Unreachable" : "ConnectionLost";
  return new KubeError({
    status: 0,
    reason,
    message: `${call.method} ${call.path}: ${reason === "Unreachable" ? "the API server can not be reached" : "the connection was lost"}: ${messageOf(thrown)}`,
    cause: thrown,
  });
}
