import type { ObjectBody } from "../port.ts";

/** S3's least: log-provider has many uploads at a time. */
export const PART_BYTES = 5 * 1024 * 1024;
const MAX_PART_BYTES = 128 * 1024 * 1024;
/** S3's limit. */
export const MAX_PARTS = 10_000;

/** Small while a body is small, so that memory is; larger later, so that 10,000 parts hold some 770 GiB. */
export function partBytes(index: number): number {
  return Math.min(MAX_PART_BYTES, PART_BYTES * 2 ** Math.min(Math.floor(index / 1000), 10));
}

/** Cuts a body into buffers of exactly `sizeOf(index)` bytes; the last may be shorter. An empty body has no parts. */
export async function* cutIntoParts(
  body: ObjectBody,
  sizeOf: (index: number) => number = partBytes,
): AsyncGenerator<Buffer> {
  let index = 0;
  let chunks: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of body) {
    let rest = chunk;
    while (held + rest.byteLength >= sizeOf(index)) {
      const cut = sizeOf(index) - held;
      yield Buffer.concat([...chunks, rest.subarray(0, cut)]);
      rest = rest.subarray(cut);
      chunks = [];
      held = 0;
      index++;
    }
    if (rest.byteLength > 0) {
      // A source may use its buffer again.
      chunks.push(Buffer.from(rest));
      held += rest.byteLength;
    }
  }
  if (held > 0) yield Buffer.concat(chunks);
}
