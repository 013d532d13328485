import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ObjectBody } from "../port.ts";
import { type Crc64, crc32c, crc64nvme } from "./crc.ts";
import { S3Error } from "./error.ts";

/** S3's additional checksums ("Checking object integrity"): base64 of the big-endian bytes, in a header or in the trailer. */
export interface Checksum {
  update(chunk: Uint8Array): void;
  base64(): string;
}

const PREFIX = "x-amz-checksum-";

const MAKERS: Readonly<Record<string, () => Checksum>> = {
  [`${PREFIX}crc32`]: () => checksum32((data, crc) => crc32(data, crc)),
  [`${PREFIX}crc32c`]: () => checksum32(crc32c),
  [`${PREFIX}crc64nvme`]: checksum64,
  [`${PREFIX}sha1`]: () => checksumHash("sha1"),
  [`${PREFIX}sha256`]: () => checksumHash("sha256"),
};

/** The name of the checksum header among these names; throws when there are several, or one that is not known. */
export function checksumName(names: readonly string[]): string | undefined {
  // These two tell about the checksum; they are none.
  const found = names.filter((name) => name.startsWith(PREFIX) && !/-(algorithm|type|mode)$/.test(name));
  if (found.length > 1) throw new S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header");
  if (found[0] !== undefined && MAKERS[found[0]] === undefined)
    throw new S3Error("NotImplemented", `${found[0]} is not supported`);
  return found[0];
}

/** Passes the body on; throws `BadDigest` at its end when the checksum is not `expected()`, which is asked only then. */
export async function* checkChecksum(body: ObjectBody, name: string, expected: () => string | undefined): ObjectBody {
  const checksum = MAKERS[name]?.();
  for await (const chunk of body) {
    checksum?.update(chunk);
    yield chunk;
  }
  if (checksum?.base64() !== expected())
    throw new S3Error("BadDigest", `the ${name} you specified did not match the body`);
}

function checksum32(step: (data: Uint8Array, crc: number) => number): Checksum {
  let crc = 0;
  return {
    update: (chunk) => {
      crc = step(chunk, crc);
    },
    base64: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc >>> 0);
      return bytes.toString("base64");
    },
  };
}

function checksum64(): Checksum {
  let crc: Crc64 = { high: 0, low: 0 };
  return {
    update: (chunk) => {
      crc = crc64nvme(chunk, crc);
    },
    base64: () => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(crc.high, 0);
      bytes.writeUInt32BE(crc.low, 4);
      return bytes.toString("base64");
    },
  };
}

function checksumHash(algorithm: "sha1" | "sha256"): Checksum {
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), base64: () => hash.digest("base64") };
}
