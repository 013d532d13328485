import type { Transport } from "@homeplane/kube";
import { ADMINS } from "../api/access-reviews.ts";
import type { ApiServer } from "../api/api-server.ts";

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** Ends the server's side when the reader stops early: a generator that waits inside would never see its `return`. */
function abortable(
  body: AsyncIterable<Uint8Array>,
  stop: AbortController,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const source = body[Symbol.asyncIterator]();
      return {
        async next() {
          const next = await source.next();
          // An aborted HTTP body rejects; so does this one, or a cut stream would look like a complete one.
          if (next.done === true && signal?.aborted === true) throw signal.reason;
          return next;
        },
        async return() {
          stop.abort();
          await source.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Requests without a network: same requests, same answers, no TLS and no copies. */
export function inProcessTransport(apiServer: ApiServer): Transport {
  const closed = new AbortController();
  return {
    async request({ method, path, headers, body, signal }) {
      closed.signal.throwIfAborted();
      signal?.throwIfAborted();
      const stop = new AbortController();
      const either = AbortSignal.any([closed.signal, stop.signal, ...(signal === undefined ? [] : [signal])]);
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const answer = await apiServer.handle({
        method,
        path,
        headers: lower,
        ...(body === undefined ? {} : { body }),
        signal: either,
        user: "in-process",
        groups: [ADMINS],
      });
      const stream = answer.body instanceof Uint8Array ? once(answer.body) : abortable(answer.body, stop, signal);
      return { status: answer.status, headers: answer.headers, body: stream };
    },
    async close() {
      closed.abort(new Error("the transport is closed"));
    },
  };
}
