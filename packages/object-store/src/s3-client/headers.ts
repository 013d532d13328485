/** Between the port's options and S3's headers. */
import type { Checksum, ObjectMeta, PutOptions, WriteConditions } from "../port.ts";

const META_PREFIX = "x-amz-meta-";
const KEPT = ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"];
const CHECKSUMS = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] as const;
/** S3's word for "none was given". */
const NO_TYPE = "binary/octet-stream";

export function describingHeaders({ contentType, headers, metadata = {} }: PutOptions): Record<string, string> {
  const described: Record<string, string> = { "content-type": contentType ?? NO_TYPE, ...headers };
  for (const [name, value] of Object.entries(metadata)) described[META_PREFIX + name] = encodeValue(value);
  return described;
}

export function conditionHeaders({ ifNoneMatch, ifMatch }: WriteConditions): Record<string, string> {
  return {
    ...(ifNoneMatch !== undefined && { "if-none-match": ifNoneMatch }),
    ...(ifMatch !== undefined && { "if-match": ifMatch === "*" ? "*" : `"${ifMatch}"` }),
  };
}

/** Of an answer to HEAD or GET. */
export function metaOf(key: string, headers: Readonly<Record<string, string>>): ObjectMeta {
  const type = headers["content-type"];
  const kept = Object.fromEntries(KEPT.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(META_PREFIX)) metadata[name.slice(META_PREFIX.length)] = decodeValue(value);
  const checksum = checksumIn(headers);
  return {
    key,
    size: sizeIn(headers),
    etag: unquoted(headers["etag"] ?? ""),
    lastModified: new Date(headers["last-modified"] ?? headers["date"] ?? 0),
    ...(type !== undefined && type !== NO_TYPE && { contentType: type }),
    ...(Object.keys(kept).length > 0 && { headers: kept }),
    ...(checksum && { checksum }),
    metadata,
  };
}

export const unquoted = (etag: string): string => etag.replaceAll(/^(?:W\/)?"|"$/g, "");

/** The whole object's, also where a range was answered. */
function sizeIn(headers: Readonly<Record<string, string>>): number {
  const ofRange = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  return Number(ofRange ?? headers["content-length"] ?? 0);
}

/** One of checksums of parts says nothing to those who have the whole. */
function checksumIn(headers: Readonly<Record<string, string>>): Checksum | undefined {
  for (const algorithm of CHECKSUMS) {
    const value = headers[`x-amz-checksum-${algorithm}`];
    if (value !== undefined && !value.includes("-")) return { algorithm, value };
  }
  return undefined;
}

/** Headers are ASCII; more goes as S3 itself returns it (RFC 2047). */
function encodeValue(value: string): string {
  return /^[\u0020-\u007e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`;
}

function decodeValue(value: string): string {
  const encoded = /^=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=$/i.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, "base64").toString();
}
