/**
 * A topic within the process. A subscriber gets an async iterable that coalesces: while the consumer is busy any number of
 * publications become one wake-up, so a slow reader never makes a queue grow. The payload is read by the consumer from the
 * source of truth, never carried here: nothing can be missed or out of order.
 */
export class Subject<K> {
  readonly #listeners = new Map<K, Set<() => void>>();

  publish(key: K): void {
    for (const wake of this.#listeners.get(key) ?? []) wake();
  }

  /** Yields once at the start, then once or more after each publication, until `signal` aborts. */
  async *subscribe(key: K, signal: AbortSignal): AsyncGenerator<void> {
    let pending = true;
    let wake: (() => void) | undefined;
    const listener = (): void => {
      pending = true;
      wake?.();
    };
    const set = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, set.add(listener));
    signal.addEventListener("abort", listener);
    try {
      while (!signal.aborted) {
        if (!pending) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
          continue;
        }
        pending = false;
        if (!signal.aborted) yield;
      }
    } finally {
      signal.removeEventListener("abort", listener);
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(key);
    }
  }
}
