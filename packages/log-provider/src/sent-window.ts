import type { LogPiece } from "./line-cutter.ts";
import { secondBefore } from "./log-time.ts";

/** Times that are remembered, once to twice as many: some 2 MB. */
const MIN_TIMES = 10_000;
/** Two writers (stdout, stderr) may get their lines into the log in another order than their times. */
const DISORDER_MS = 1_000;

/**
 * What of one container's log was sent, so that it can be read again from about there, with nothing lost or doubled. A log only grows,
 * so of the lines of one time those sent come first: a count for each time is enough. All up to `floor` counts as sent.
 */
export class SentWindow {
  /** Two generations, as to delete the oldest of a map one by one costs what was deleted before. */
  #older = new Map<string, number>();
  #counts = new Map<string, number>();
  #floor = "";
  /** The latest time when the older generation was closed. */
  #olderLast = "";
  #last: string | undefined;
  /** A line of which only the first pieces were sent. */
  #open: { readonly time: string; readonly pieces: number } | undefined;

  record({ time, index, last }: LogPiece): void {
    if (this.#last === undefined || time > this.#last) this.#last = time;
    this.#open = last ? undefined : { time, pieces: index + 1 };
    if (!last) return;
    this.#counts.set(time, (this.#counts.get(time) ?? 0) + 1);
    if (this.#counts.size < MIN_TIMES) return;
    this.#floor = this.#olderLast;
    this.#olderLast = this.#last;
    this.#older = this.#counts;
    this.#counts = new Map();
  }

  /** `sinceTime` for the next reading; undefined: from the start. */
  get since(): string | undefined {
    return this.#last === undefined ? undefined : secondBefore(this.#last, DISORDER_MS);
  }

  /** For one new reading of the log: tells of its pieces, in order, which were not sent. */
  unsent(): (piece: LogPiece) => boolean {
    const left = new Map(this.#older);
    for (const [time, count] of this.#counts) left.set(time, (left.get(time) ?? 0) + count);
    const floor = this.#floor;
    let open = this.#open;
    /** Pieces of the current line to leave out. */
    let skip = 0;
    return ({ time, index }) => {
      if (index > 0) return index >= skip;
      const count = left.get(time) ?? 0;
      if (count > 0) left.set(time, count - 1);
      skip = count > 0 || time <= floor ? Number.POSITIVE_INFINITY : 0;
      if (skip === 0 && open?.time === time) {
        skip = open.pieces;
        open = undefined;
      }
      return skip === 0;
    };
  }
}
