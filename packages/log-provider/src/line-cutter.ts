import { NO_TIME, normalTime } from "./log-time.ts";

/** A log line, or a part of one that is too long for a message. */
export interface LogPiece {
  /** Normal ({@link normalTime}); of a line without one, that of the line before. */
  readonly time: string;
  /** Without the newline; not always UTF-8. */
  readonly content: Buffer;
  /** 0 for the start of a line. */
  readonly index: number;
  /** The line ends here. */
  readonly last: boolean;
}

/** Longer lines are cut. */
export const MAX_PIECE_BYTES = 256 * 1024;

const NEWLINE = 0x0a;
const SPACE = 0x20;
/** The longest time: nine digits of fraction and a zone. */
const MAX_TIME_BYTES = 35;

/**
 * Cuts a log with timestamps (`<time> <content>\n` ...) into pieces. Where it cuts depends on the log alone, not on its chunks: a log
 * that is read again has the same pieces.
 */
export class LineCutter {
  #parts: Buffer[] = [];
  #held = 0;
  #time = NO_TIME;
  /** Pieces of the current line that are out already. */
  #index = 0;

  /** What `chunk` completes. */
  push(chunk: Uint8Array): LogPiece[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const pieces: LogPiece[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#cut(pieces, this.#joined(bytes.subarray(from, end)), true);
      from = end + 1;
    }
    if (from < bytes.length) this.#hold(Buffer.from(bytes.subarray(from)));
    if (this.#held > MAX_PIECE_BYTES) this.#cut(pieces, this.#joined(), false);
    return pieces;
  }

  /** The line after the last newline, when there is one. Only after the log's true end: a stream that broke has half a line here. */
  end(): LogPiece[] {
    const pieces: LogPiece[] = [];
    if (this.#held > 0 || this.#index > 0) this.#cut(pieces, this.#joined(), true);
    return pieces;
  }

  #hold(part: Buffer): void {
    this.#parts.push(part);
    this.#held += part.length;
  }

  #joined(rest?: Buffer): Buffer {
    if (this.#held === 0) return rest ?? Buffer.alloc(0);
    const all = Buffer.concat(rest === undefined ? this.#parts : [...this.#parts, rest]);
    this.#parts = [];
    this.#held = 0;
    return all;
  }

  #cut(pieces: LogPiece[], bytes: Buffer, whole: boolean): void {
    const head = this.#index === 0 ? this.#head(bytes) : 0;
    let content = bytes.subarray(head);
    if (!whole && content.length <= MAX_PIECE_BYTES) return this.#hold(bytes);
    while (content.length > MAX_PIECE_BYTES) {
      const at = characterStart(content, MAX_PIECE_BYTES);
      pieces.push({ time: this.#time, content: content.subarray(0, at), index: this.#index++, last: false });
      content = content.subarray(at);
    }
    if (!whole) return this.#hold(content);
    pieces.push({ time: this.#time, content, index: this.#index, last: true });
    this.#index = 0;
  }

  /** Takes the line's time; returns where the content starts. What a node adds of itself ("unable to retrieve ...") has no time. */
  #head(bytes: Buffer): number {
    const space = bytes.subarray(0, MAX_TIME_BYTES + 1).indexOf(SPACE);
    const time = space < 0 ? undefined : normalTime(bytes.toString("latin1", 0, space));
    if (time === undefined) return 0;
    this.#time = time;
    return space + 1;
  }
}

/** The last start of a UTF-8 sequence at or before `at`; `at` itself where there is none near. */
function characterStart(bytes: Buffer, at: number): number {
  for (let start = at; start > at - 4; start--) if (((bytes[start] ?? 0) & 0xc0) !== 0x80) return start;
  return at;
}
