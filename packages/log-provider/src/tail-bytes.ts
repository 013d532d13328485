import { normalTime, secondBefore } from "./log-time.ts";

const KEPT_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** Lines may be in another order than their times by this much. */
const DISORDER_MS = 1_000;

/** The end of a stream of log bytes, of which only that is kept. */
export class TailBytes {
  #parts: Uint8Array[] = [];
  #size = 0;
  #total = 0;

  push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
    this.#total += part.length;
    for (let first = this.#parts[0]; first && this.#size - first.length >= KEPT_BYTES; first = this.#parts[0]) {
      this.#parts.shift();
      this.#size -= first.length;
    }
    // Many small parts are one.
    if (this.#parts.length > 1024) this.#parts = [Buffer.concat(this.#parts)];
  }

  #bytes(): Buffer {
    return Buffer.concat(this.#parts).subarray(-KEPT_BYTES);
  }

  /** Where a second reading may start so that it has at least the last line; undefined when that line does not tell its time: only all of it will do. */
  get since(): string | undefined {
    const bytes = this.#bytes();
    const start = bytes.lastIndexOf(NEWLINE, bytes.length - 2) + 1;
    if (start === 0 && this.#total > bytes.length) return undefined;
    const time = normalTime(bytes.toString("latin1", start, start + 40).split(" ", 1)[0] ?? "");
    return time === undefined ? undefined : secondBefore(time, DISORDER_MS);
  }

  /** Whether `other`, a reading of the same log from {@link since} on, ends where this one does. */
  endsAs(other: TailBytes): boolean {
    if (this.since === undefined && this.#total !== other.#total) return false;
    const theirs = other.#bytes();
    const ours = this.#bytes();
    const length = Math.min(theirs.length, ours.length);
    if (length === 0) return ours.length === theirs.length;
    return ours.subarray(ours.length - length).equals(theirs.subarray(theirs.length - length));
  }
}
