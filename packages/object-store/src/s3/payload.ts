/** From the bytes on the wire to the object's bytes, checked against everything that the request says of them. */
import { createHash } from "node:crypto";
import { readAll } from "../body.ts";
import { ObjectStoreError } from "../error.ts";
import type { Checksum, ObjectBody } from "../port.ts";
import { UNSIGNED_PAYLOAD } from "../sigv4/scope.ts";
import type { VerifiedRequest } from "../sigv4/verify.ts";
import { decodeAwsChunked } from "./aws-chunked.ts";
import { checkChecksum, checksumName, checksumOf } from "./checksum.ts";
import { S3Error } from "./error.ts";
import type { S3Request } from "./request.ts";

/** S3's limit for one PUT and for one part: 5 GiB. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface Payload {
  /** Throws `S3Error` at its end when the bytes are not what was signed or announced: what was read till then must be dropped. */
  readonly body: ObjectBody;
  readonly contentMd5?: Uint8Array;
  /** What the body was checked against; complete once it is read. */
  readonly checksum: () => Checksum | undefined;
}

export function payloadOf(request: S3Request, wire: ObjectBody, { payloadHash, seed }: VerifiedRequest): Payload {
  const mode = /^STREAMING-(AWS4-HMAC-SHA256-PAYLOAD|UNSIGNED-PAYLOAD)(-TRAILER)?$/.exec(payloadHash);
  const trailerName = checksumName(
    (request.header("x-amz-trailer") ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  // The checksum that comes with the completion of an upload is the object's, not the XML's.
  const isCompletion = request.method === "POST" && request.param("uploadId") !== undefined;
  const headerName = isCompletion ? undefined : checksumName(request.headerNames);
  const name = trailerName ?? headerName;
  let checksum = headerName === undefined ? undefined : request.header(headerName);

  let body = wire;
  if (mode !== null) {
    const decodedLength = lengthOf(request.header("x-amz-decoded-content-length"));
    if (decodedLength === undefined) throw new S3Error("InvalidRequest", "x-amz-decoded-content-length is missing");
    checkLength(decodedLength);
    const options = { signed: mode[1] !== UNSIGNED_PAYLOAD, trailers: mode[2] !== undefined, decodedLength, seed };
    body = decodeAwsChunked(wire, options, (trailers) => {
      if (trailerName !== undefined) checksum = trailers.get(trailerName);
    });
  } else {
    checkLength(lengthOf(request.header("content-length")) ?? 0);
    body = limit(payloadHash === UNSIGNED_PAYLOAD ? wire : checkSha256(wire, payloadHash));
  }
  if (name !== undefined) body = checkChecksum(body, name, () => checksum);

  const contentMd5 = contentMd5Of(request);
  return {
    body,
    ...(contentMd5 && { contentMd5 }),
    checksum: () => (name === undefined || checksum === undefined ? undefined : checksumOf(name, checksum)),
  };
}

/** A small body of a request that is itself XML. */
export async function readXmlBody(payload: Payload, maxBytes: number): Promise<string> {
  try {
    const bytes = await readAll(payload.body, maxBytes);
    const { contentMd5 } = payload;
    if (contentMd5 !== undefined && !createHash("md5").update(bytes).digest().equals(contentMd5)) {
      throw new S3Error("BadDigest", "the body's MD5 is not the one that was given");
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof ObjectStoreError)
      throw new S3Error("MalformedXML", `the XML is larger than ${maxBytes} bytes`, { cause: error });
    if (error instanceof TypeError) throw new S3Error("MalformedXML", "the XML is not UTF-8", { cause: error });
    throw error;
  }
}

async function* checkSha256(body: ObjectBody, expected: string): ObjectBody {
  if (!/^[0-9a-f]{64}$/.test(expected))
    throw new S3Error("InvalidArgument", "x-amz-content-sha256 must be a SHA-256 in hex, or one of the known words");
  const hash = createHash("sha256");
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== expected) {
    throw new S3Error(
      "XAmzContentSHA256Mismatch",
      "the provided x-amz-content-sha256 header does not match what was computed",
    );
  }
}

/** A body without an announced length is limited as it comes. */
async function* limit(body: ObjectBody): ObjectBody {
  let total = 0;
  for await (const chunk of body) {
    total += chunk.byteLength;
    checkLength(total);
    yield chunk;
  }
}

function checkLength(bytes: number): void {
  if (bytes > MAX_PUT_BYTES) throw new S3Error("EntityTooLarge", "one upload can have 5 GiB; use a multipart upload");
}

function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function contentMd5Of(request: S3Request): Uint8Array | undefined {
  const text = request.header("content-md5");
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.byteLength !== 16 || bytes.toString("base64") !== text)
    throw new S3Error("InvalidDigest", "Content-MD5 must be the base64 of 16 bytes");
  return bytes;
}
