/**
 * `Content-Encoding: aws-chunked`: a body in chunks, each signed or not, with trailing headers or not.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
 */
import { createHash, hash } from "node:crypto";
import { hmacSha256Hex } from "../sigv4/hmac.ts";
import { equalSecrets } from "../sigv4/equal-secrets.ts";
import type { VerifiedRequest } from "../sigv4/verify.ts";
import type { ObjectBody } from "../port.ts";
import { ByteReader } from "./byte-reader.ts";
import { S3Error } from "./error.ts";

const MAX_LINE = 4096;
const MAX_TRAILERS = 8;
const EMPTY_SHA256 = hash("sha256", "", "hex");

export interface ChunkedOptions {
  readonly signed: boolean;
  readonly trailers: boolean;
  /** `x-amz-decoded-content-length`. */
  readonly decodedLength: number;
  readonly seed: Seed | undefined;
}

type Seed = NonNullable<VerifiedRequest["seed"]>;

/** The decoded bytes. `onTrailers` is called once, after the last of them and only when all signatures fit. */
export async function* decodeAwsChunked(
  body: ObjectBody,
  options: ChunkedOptions,
  onTrailers: (trailers: ReadonlyMap<string, string>) => void,
): ObjectBody {
  const reader = new ByteReader(body);
  const { seed } = options;
  if (options.signed && seed === undefined)
    throw new S3Error("InvalidRequest", "signed chunks need a request that is signed with version 4");
  const check = seed === undefined ? () => undefined : signatureChain(seed);
  let total = 0;
  for (;;) {
    const { size, signature } = parseChunkHeader(await reader.line(MAX_LINE), options.signed);
    total += size;
    if (total > options.decodedLength)
      throw new S3Error("IncompleteBody", "the body is longer than x-amz-decoded-content-length");
    const digest = createHash("sha256");
    for await (const piece of reader.bytes(size)) {
      if (options.signed) digest.update(piece);
      yield piece;
    }
    if (options.signed) check("PAYLOAD", `${EMPTY_SHA256}\n${digest.digest("hex")}`, signature);
    if (size === 0) break;
    if ((await reader.line(0)) !== "") throw new S3Error("InvalidRequest", "a chunk does not end where its size says");
  }
  if (total !== options.decodedLength)
    throw new S3Error("IncompleteBody", "the body is shorter than x-amz-decoded-content-length");
  const trailers = await readTrailers(reader);
  if (options.signed && options.trailers) {
    const text = [...trailers]
      .filter(([name]) => name !== "x-amz-trailer-signature")
      .map(([name, value]) => `${name}:${value}\n`);
    check("TRAILER", hash("sha256", text.join(""), "hex"), trailers.get("x-amz-trailer-signature") ?? "");
  }
  if (!options.trailers && trailers.size > 0)
    throw new S3Error("InvalidRequest", "trailers were sent but not announced");
  await reader.end();
  onTrailers(trailers);
}

function parseChunkHeader(line: string, signed: boolean): { size: number; signature: string } {
  const parts = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (parts === null || (signed && parts[2] === undefined))
    throw new S3Error("InvalidRequest", "a chunk's header is malformed");
  return { size: Number.parseInt(parts[1] ?? "", 16), signature: parts[2] ?? "" };
}

/** The last chunk has no line end of its own: the trailers' empty line is the end of both. */
async function readTrailers(reader: ByteReader): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  for (let line = await reader.line(MAX_LINE); line !== ""; line = await reader.line(MAX_LINE)) {
    const colon = line.indexOf(":");
    if (colon < 1 || trailers.size === MAX_TRAILERS) throw new S3Error("InvalidRequest", "the trailers are malformed");
    trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return trailers;
}

/** Each signature covers the one before it, so that no chunk can be dropped, doubled or moved. */
function signatureChain(seed: Seed): (kind: string, content: string, signature: string) => void {
  let previous = seed.signature;
  return (kind, content, signature) => {
    const text = `AWS4-HMAC-SHA256-${kind}\n${seed.date}\n${seed.scope}\n${previous}\n${content}`;
    const expected = hmacSha256Hex(seed.key, text);
    if (!equalSecrets(expected, signature))
      throw new S3Error("SignatureDoesNotMatch", "a chunk's signature does not fit its content");
    previous = expected;
  };
}
