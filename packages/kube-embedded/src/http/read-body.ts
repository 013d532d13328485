import type { IncomingMessage } from "node:http";

/** The whole body, or why there is none: more than `limit` bytes, or a client that went away. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | "too-large" | "aborted"> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return "too-large";
      chunks.push(chunk);
    }
  } catch (error) {
    if (request.destroyed) return "aborted";
    throw error;
  }
  return Buffer.concat(chunks, size);
}
