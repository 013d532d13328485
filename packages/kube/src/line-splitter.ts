const NEWLINE = 0x0a;

/** An etcd object is at most about 1.5 MiB, as JSON a few times that: a longer line is a broken stream. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;

/**
 * Cuts a byte stream into lines. Chunks may be cut anywhere, also inside a UTF-8 sequence: bytes are decoded only when their
 * line is complete. Each byte is looked at once and copied at most once, however small the chunks.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #parts: Uint8Array[] = [];
  #held = 0;

  constructor(maxLineBytes: number = MAX_LINE_BYTES) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that `chunk` completes, without their newline. Throws a RangeError when a line exceeds the bound. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(this.rest());
      start = end + 1;
    }
    // Copied, because a transport may reuse its buffer once we ask for more. (A Buffer's `slice` would be a view.)
    if (start < chunk.length) this.#hold(new Uint8Array(chunk.subarray(start)));
    return lines;
  }

  /** The bytes after the last newline, which are given up. */
  rest(): string {
    const [only] = this.#parts;
    const bytes = this.#parts.length === 1 && only ? only : Buffer.concat(this.#parts, this.#held);
    this.#parts = [];
    this.#held = 0;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }

  #hold(part: Uint8Array): void {
    this.#held += part.length;
    if (this.#held > this.#maxLineBytes) throw new RangeError(`a line of more than ${this.#maxLineBytes} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}
