import type { Clock, Random } from "@homeplane/runtime-kit";

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #next = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), run });
    return () => this.#timers.delete(id);
  }

  /** Runs what falls due in the next `ms`, in order, each with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#earliest(end);
      if (due === undefined) break;
      this.#timers.delete(due.id);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = end;
  }

  #earliest(end: number): { id: number; at: number; run: () => void } | undefined {
    let best: { id: number; at: number; run: () => void } | undefined;
    for (const [id, timer] of this.#timers) {
      if (timer.at <= end && (best === undefined || timer.at < best.at)) best = { id, ...timer };
    }
    return best;
  }
}

/** Lets everything that needs no time happen: the promise jobs end before the event loop turns. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A small linear congruential generator (Numerical Recipes): a seed replays. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
