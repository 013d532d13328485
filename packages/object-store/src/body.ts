import { ObjectStoreError } from "./error.ts";
import type { ObjectBody } from "./port.ts";

/** The whole body in memory. Throws `TooLarge` as soon as more than `maxBytes` have come, without reading on. */
export async function readAll(body: ObjectBody, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new ObjectStoreError("TooLarge", `the object has more than the allowed ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** One shape for both kinds of body that `put` takes. */
export async function* chunksOf(body: Uint8Array | ObjectBody): ObjectBody {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** Leaving an iterator that was never asked for anything runs none of its code: then `leave` gives up what it holds. */
export function leavable(body: ObjectBody, leave: () => void): ObjectBody {
  return {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]();
      let begun = false;
      return {
        next() {
          begun = true;
          return iterator.next();
        },
        async return() {
          if (!begun) leave();
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
