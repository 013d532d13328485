/**
 * HMAC-SHA-256 (RFC 2104) from two one-shot hashes with the padded key prepared once: on Node 24 about six times as fast as
 * `createHmac` for short messages, and short messages are all that signing has.
 */
import { hash } from "node:crypto";

const BLOCK = 64;
const DIGEST = 32;
/** Longer messages get a buffer of their own. */
const SCRATCH = 2048;

/** Buffers that begin with the padded key; what follows is overwritten by each use, which is synchronous and so never shared. */
export interface HmacKey {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

export function hmacKey(secret: string | Uint8Array): HmacKey {
  const raw = Buffer.from(secret);
  const key = raw.byteLength > BLOCK ? hash("sha256", raw, "buffer") : raw;
  const inner = Buffer.alloc(BLOCK + SCRATCH, 0);
  const outer = Buffer.alloc(BLOCK + DIGEST, 0);
  for (let i = 0; i < BLOCK; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36;
    outer[i] = (key[i] ?? 0) ^ 0x5c;
  }
  return { inner, outer };
}

export function hmacSha256(key: HmacKey, message: string): Buffer {
  return hash("sha256", outerInput(key, message), "buffer");
}

/** In lower-case hex, as signatures are written. */
export function hmacSha256Hex(key: HmacKey, message: string): string {
  return hash("sha256", outerInput(key, message), "hex");
}

function outerInput({ inner, outer }: HmacKey, message: string): Buffer {
  // 3 bytes is the most that one UTF-16 unit takes in UTF-8.
  const fits = message.length * 3 <= SCRATCH;
  const input = fits
    ? inner.subarray(0, BLOCK + inner.write(message, BLOCK))
    : Buffer.concat([inner.subarray(0, BLOCK), Buffer.from(message)]);
  outer.write(hash("sha256", input, "hex"), BLOCK, "hex");
  return outer;
}
