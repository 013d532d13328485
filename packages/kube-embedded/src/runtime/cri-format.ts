/**
 * The CRI log format (kubernetes/design-proposals, kubelet-cri-logging): one record per line,
 * `<RFC 3339 nano time> <stdout|stderr> <F|P> <bytes>\n`; `F` ends a line of the container's, `P` is a part of one.
 */
export type Stream = "stdout" | "stderr";

/** A line longer than this is cut into `P` records, so that neither writer nor reader ever holds more. */
export const MAX_RECORD_BYTES = 16 * 1024;

const NEWLINE = 10;
const SPACE = 32;

/** RFC 3339 with nine digits, always the same length: `2026-01-01T00:00:00.000000000Z`. */
export function criTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000000Z`;
}

export interface Framed {
  readonly records: Buffer;
  /** How many bytes of the input the records hold; what is left is a line that has not ended yet. */
  readonly consumed: number;
}

/**
 * Frames `input` as records. An unfinished line is left for later, unless it is longer than a record may be or `last` is set:
 * then it becomes a `P`, so that the content stays exactly what was printed. `room` bounds the records' bytes.
 */
export function frame(input: Buffer, stream: Stream, time: string, last: boolean, room: number): Framed {
  const full = Buffer.from(`${time} ${stream} F `, "latin1");
  const part = Buffer.from(`${time} ${stream} P `, "latin1");
  const width = full.length;
  const pieces = new Pieces(input.length + (input.length >> 1) + width * 2);
  let at = 0;
  while (at < input.length && pieces.length < room) {
    const newline = input.indexOf(NEWLINE, at);
    const lineEnd = newline < 0 ? input.length : newline;
    if (lineEnd - at > MAX_RECORD_BYTES) {
      pieces.add(part, input, at, at + MAX_RECORD_BYTES);
      at += MAX_RECORD_BYTES;
    } else if (newline >= 0) {
      pieces.add(full, input, at, newline);
      at = newline + 1;
    } else if (last) {
      pieces.add(part, input, at, lineEnd);
      at = lineEnd;
    } else {
      break;
    }
  }
  return { records: pieces.done(), consumed: at };
}

/** A buffer that grows; short lines make a hundred thousand records out of one read. */
class Pieces {
  #bytes: Buffer;
  length = 0;

  constructor(guess: number) {
    this.#bytes = Buffer.allocUnsafe(guess);
  }

  add(prefix: Buffer, source: Buffer, from: number, to: number): void {
    const need = this.length + prefix.length + (to - from) + 1;
    if (need > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    this.#bytes.set(prefix, this.length);
    source.copy(this.#bytes, this.length + prefix.length, from, to);
    this.#bytes[need - 1] = NEWLINE;
    this.length = need;
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}

/** One record, as offsets into the buffer that it was read from. */
export interface CriRecord {
  readonly time: string;
  readonly stream: Stream;
  readonly partial: boolean;
  readonly contentFrom: number;
  readonly contentTo: number;
  /** Where the next record starts. */
  readonly next: number;
}

/** The record at `from`; undefined when it is not there as a whole yet. Throws on bytes that are no record. */
export function recordAt(bytes: Buffer, from: number): CriRecord | undefined {
  const end = bytes.indexOf(NEWLINE, from);
  if (end < 0) return undefined;
  const afterTime = bytes.indexOf(SPACE, from);
  const stream = bytes[afterTime + 4] === 0x6f ? "stdout" : "stderr";
  const contentFrom = afterTime + 10;
  if (afterTime < 0 || contentFrom > end || bytes[contentFrom - 1] !== SPACE) {
    throw new Error(`not a CRI log record at byte ${from}`);
  }
  return {
    time: bytes.toString("latin1", from, afterTime),
    stream,
    partial: bytes[contentFrom - 2] === 0x50,
    contentFrom,
    contentTo: end,
    next: end + 1,
  };
}
