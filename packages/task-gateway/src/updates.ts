/**
 * What a watcher has not been told yet: the latest update per child, in the order in which they first changed. So a slow reader holds at most one
 * update per child, however often they change.
 */
export class Updates<T> implements AsyncIterable<T> {
  readonly #pending = new Map<string, T>();
  readonly #signal: AbortSignal;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  push(key: string, update: T): void {
    this.#pending.set(key, update);
    this.#wake?.();
  }

  /** Ends, without an error, when the signal aborts. One consumer. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const onAbort = (): void => this.#wake?.();
    this.#signal.addEventListener("abort", onAbort);
    try {
      while (!this.#signal.aborted) {
        const [next] = this.#pending;
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        this.#pending.delete(next[0]);
        yield next[1];
      }
    } finally {
      this.#signal.removeEventListener("abort", onAbort);
    }
  }
}
