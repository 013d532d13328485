import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Checksum, ObjectBody } from "../port.ts";
import { type Crc64, crc32c, crc64nvme } from "./crc.ts";
import { S3Error } from "./error.ts";

/** S3's additional checksums ("Checking object integrity"): base64 of the big-endian bytes, in a header or in the trailer. */
interface Summing {
  update(chunk: Uint8Array): void;
  base64(): string;
}

const PREFIX = "x-amz-checksum-";

const MAKERS: Readonly<Record<Checksum["algorithm"], () => Summing>> = {
  crc32: () => checksum32((data, crc) => crc32(data, crc)),
  crc32c: () => checksum32(crc32c),
  crc64nvme: checksum64,
  sha1: () => checksumHash("sha1"),
  sha256: () => checksumHash("sha256"),
};

/** What the name of a header says, which `checksumName` has let through. */
const algorithmOf = (name: string): Checksum["algorithm"] => name.slice(PREFIX.length) as Checksum["algorithm"];

export const checksumOf = (name: string, value: string): Checksum => ({ algorithm: algorithmOf(name), value });

/** As S3 sends it back. */
export const checksumHeaders = (checksum: Checksum | undefined): Record<string, string> =>
  checksum === undefined ? {} : { [PREFIX + checksum.algorithm]: checksum.value };

/** The name of the checksum header among these names; throws when there are several, or one that is not known. */
export function checksumName(names: readonly string[]): string | undefined {
  // These two tell about the checksum; they are none.
  const found = names.filter((name) => name.startsWith(PREFIX) && !/-(algorithm|type|mode)$/.test(name));
  if (found.length > 1) throw new S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header");
  if (found[0] !== undefined && !Object.hasOwn(MAKERS, algorithmOf(found[0])))
    throw new S3Error("NotImplemented", `${found[0]} is not supported`);
  return found[0];
}

/** Passes the body on; throws `BadDigest` at its end when the checksum is not `expected()`, which is asked only then. */
export async function* checkChecksum(body: ObjectBody, name: string, expected: () => string | undefined): ObjectBody {
  const checksum = MAKERS[algorithmOf(name)]();
  for await (const chunk of body) {
    checksum.update(chunk);
    yield chunk;
  }
  if (checksum.base64() !== expected())
    throw new S3Error("BadDigest", `the ${name} you specified did not match the body`);
}

function checksum32(step: (data: Uint8Array, crc: number) => number): Summing {
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

function checksum64(): Summing {
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

function checksumHash(algorithm: "sha1" | "sha256"): Summing {
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), base64: () => hash.digest("base64") };
}
