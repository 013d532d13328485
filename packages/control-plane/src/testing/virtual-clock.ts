import type { Clock } from "@homeplane/runtime-kit";

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  #now: number;
  #timers: { at: number; run: () => void }[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Moves on, timer by timer, each with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter((one) => one.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
  }

  /** The clock is set, or the machine slept: timers fire late, those of a clock set back are kept waiting as long as they had to. */
  async set(now: number): Promise<void> {
    const by = now - this.#now;
    if (by < 0) this.#timers = this.#timers.map(({ at, run }) => ({ at: at + by, run }));
    this.#now = now;
    await this.advance(0);
  }
}

/** Lets everything happen that needs no time to pass; all of it is in this process. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await new Promise(setImmediate);
}
