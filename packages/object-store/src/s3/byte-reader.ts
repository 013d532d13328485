import type { ObjectBody } from "../port.ts";
import { S3Error } from "./error.ts";

/** Reads lines and counted bytes from a stream of chunks, holding no more than one chunk and one unfinished line. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(body: ObjectBody) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** Up to CRLF, which is dropped. Throws when the line is longer than `max`, or the stream ends before it does. */
  async line(max: number): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end > max || (end === -1 && this.#rest.length > max + 1))
        throw new S3Error("InvalidRequest", "a line of the aws-chunked body is too long");
      if (end !== -1) {
        const line = this.#rest.toString("latin1", 0, end);
        this.#rest = this.#rest.subarray(end + 2);
        return line;
      }
      this.#rest = Buffer.concat([this.#rest, await this.#next()]);
    }
  }

  /** Exactly `count` bytes, in pieces as they come. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Throws when anything is left. */
  async end(): Promise<void> {
    if (this.#rest.length > 0 || !(await this.#chunks.next()).done) {
      throw new S3Error("IncompleteBody", "there are bytes behind the end of the aws-chunked body");
    }
  }

  async #next(): Promise<Buffer> {
    const { done, value } = await this.#chunks.next();
    if (done) throw new S3Error("IncompleteBody", "the aws-chunked body ended too early");
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}
