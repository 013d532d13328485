import type { ObjectBody } from "./port.ts";

/** A body that ends with the signal's reason at its abort, also while its source is silent. */
export async function* until(body: ObjectBody, signal: AbortSignal | undefined): ObjectBody {
  if (signal === undefined) {
    yield* body;
    return;
  }
  const iterator = body[Symbol.asyncIterator]();
  // Of the chunk that is waited for. Not Promise.race with one promise for all: that keeps something of each chunk to the end.
  let leave: ((reason: Error) => void) | undefined;
  const onAbort = (): void => leave?.(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        leave = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    const closing = Promise.resolve(iterator.return?.()).catch(() => undefined);
    // A source that is stuck would hold us.
    if (!signal.aborted) await closing;
  }
}
