/**
 * Ended runs stay for a while, for whoever looks, but only so many of them: neither etcd nor our memory grows with what has been. Those that ended
 * first go first.
 */
export interface EndedRun {
  readonly uid: string;
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

export class Retention {
  readonly #max: number;
  readonly #wake: (key: string) => void;
  /** By the time of their end. */
  readonly #kept: EndedRun[] = [];
  readonly #leaving = new Set<string>();
  readonly #known = new Set<string>();

  /** `wake` is told of a run that has to make room; it must not throw. */
  constructor(max: number, wake: (key: string) => void) {
    this.#max = max;
    this.#wake = wake;
  }

  /** False when the run has to go. */
  keeps(run: EndedRun): boolean {
    if (this.#leaving.has(run.uid)) return false;
    if (this.#known.has(run.uid)) return true;
    this.#known.add(run.uid);
    const later = this.#kept.findLastIndex((other) => other.endedAt <= run.endedAt);
    this.#kept.splice(later + 1, 0, run);
    while (this.#kept.length > this.#max) {
      const oldest = this.#kept.shift();
      if (oldest === undefined) break;
      this.#leaving.add(oldest.uid);
      if (oldest.uid !== run.uid) this.#wake(oldest.key);
    }
    return !this.#leaving.has(run.uid);
  }

  forget(uid: string): void {
    if (!this.#known.delete(uid)) return;
    if (this.#leaving.delete(uid)) return;
    const index = this.#kept.findIndex((run) => run.uid === uid);
    if (index >= 0) this.#kept.splice(index, 1);
  }
}
