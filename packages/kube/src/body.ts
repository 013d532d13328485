/** A page of 500 large objects stays far below this; more is no answer that we asked for. */
export const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** The whole body; a RangeError past `maxBytes`. */
export async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > maxBytes) throw new RangeError(`an answer of more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}
