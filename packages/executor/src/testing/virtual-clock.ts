import type { Clock, Random } from "@homeplane/runtime-kit";

/** Time that passes only when a test says so. `quiet` resolves when nothing is left to happen at this instant. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2030, 0, 1);
  #offset = 0;
  #next = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();

  now(): number {
    return this.#now + this.#offset;
  }

  /** As a timer counts it. */
  monotonic(): number {
    return this.#now;
  }

  /** The wall clock is set; timers run on as they were. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), run });
    return () => this.#timers.delete(id);
  }

  /** Runs what falls due in the next `ms`, in order, each with all that follows from it. */
  async advance(ms: number, quiet: () => Promise<void>): Promise<void> {
    const end = this.#now + ms;
    await quiet();
    for (;;) {
      const [first] = [...this.#timers]
        .filter(([, timer]) => timer.at <= end)
        .toSorted(([a, x], [b, y]) => x.at - y.at || a - b);
      if (first === undefined) break;
      const [id, timer] = first;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
      await quiet();
    }
    this.#now = end;
  }
}

/** mulberry32: a seed replays. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
