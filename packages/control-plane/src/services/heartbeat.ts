/**
 * A stream that is never silent for long. The SDK's command line gives a log up after 30 s without a message (flyte/remote/_logs.py, `idle_timeout`): it means
 * to look whether the action still runs, but its HTTP client ends the call as cancelled, and `flyte run --follow` fails though the run goes on.
 */
import type { Clock } from "@homeplane/runtime-kit";

/** Yields `beat` after each `ms` in which `source` gave nothing. */
export async function* heartbeat<T>(source: AsyncIterable<T>, clock: Clock, ms: number, beat: T): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = iterator.next();
      // Whoever leaves between two beats waits for it no longer.
      next.catch(() => undefined);
      for (;;) {
        const silent = await silence(next, clock, ms);
        if (!silent) break;
        yield beat;
      }
      const result = await next;
      if (result.done === true) {
        ended = true;
        return;
      }
      yield result.value;
    }
  } finally {
    // It may wait for something itself, until its caller's signal aborts.
    if (!ended) void iterator.return?.()?.catch(() => undefined);
  }
}

/** Whether `ms` pass before `promise` settles. */
function silence(promise: Promise<unknown>, clock: Clock, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(true));
    const settled = (): void => {
      cancel();
      resolve(false);
    };
    promise.then(settled, settled);
  });
}
