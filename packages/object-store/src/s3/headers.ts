import type { ObjectMeta, PutOptions } from "../port.ts";
import { S3Error } from "./error.ts";
import type { S3Request } from "./request.ts";

const META_PREFIX = "x-amz-meta-";
/** S3's limit for names and values together. */
const MAX_METADATA_BYTES = 2048;

export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** Content type and user metadata of an upload. */
export function describedBy(request: S3Request): Pick<PutOptions, "contentType" | "metadata"> {
  const contentType = request.header("content-type");
  const metadata: Record<string, string> = {};
  let bytes = 0;
  for (const name of request.headerNames.filter((header) => header.startsWith(META_PREFIX))) {
    // Node reads header bytes as Latin-1; clients that send more than ASCII send UTF-8.
    const value = Buffer.from(request.header(name) ?? "", "latin1").toString();
    metadata[name.slice(META_PREFIX.length)] = value;
    bytes += name.length - META_PREFIX.length + Buffer.byteLength(value);
  }
  if (bytes > MAX_METADATA_BYTES)
    throw new S3Error("MetadataTooLarge", `user metadata can have ${MAX_METADATA_BYTES} bytes`);
  return { ...(contentType !== undefined && { contentType }), ...(bytes > 0 && { metadata }) };
}

/** Headers of a HEAD or GET, except those of the length. */
export function objectHeaders(meta: ObjectMeta, request: S3Request): Record<string, string> {
  const headers: Record<string, string> = {
    etag: quoted(meta.etag),
    "last-modified": meta.lastModified.toUTCString(),
    "content-type": meta.contentType ?? "binary/octet-stream",
    "accept-ranges": "bytes",
  };
  for (const [name, value] of Object.entries(meta.metadata))
    headers[META_PREFIX + name] = Buffer.from(value).toString("latin1");
  for (const name of [
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "cache-control",
    "expires",
  ]) {
    const override = request.param(`response-${name}`);
    // A line break in a header would be a second header.
    if (override !== undefined && /^[\u0020-\u007e]*$/.test(override)) headers[name] = override;
  }
  return headers;
}

export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffix: number };

/** RFC 9110, section 14.2: what is not one well-formed range of bytes is ignored. */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (parts === null) return undefined;
  const [, first = "", last = ""] = parts;
  if (first === "") return last === "" ? undefined : { suffix: Number(last) };
  if (last === "") return { start: Number(first) };
  return Number(last) < Number(first) ? undefined : { start: Number(first), end: Number(last) };
}

export type Precondition = "met" | "not modified" | "failed";

/** RFC 9110, section 13.2.2. */
export function checkPreconditions(request: S3Request, meta: ObjectMeta): Precondition {
  const match = request.header("if-match");
  const noneMatch = request.header("if-none-match");
  const modified = Math.floor(meta.lastModified.getTime() / 1000) * 1000;
  if (match !== undefined) {
    if (!namesEtag(match, meta.etag)) return "failed";
  } else if (modified > timeOf(request.header("if-unmodified-since"), Infinity)) return "failed";
  if (noneMatch !== undefined) return namesEtag(noneMatch, meta.etag) ? "not modified" : "met";
  return modified <= timeOf(request.header("if-modified-since"), -Infinity) ? "not modified" : "met";
}

function namesEtag(header: string, etag: string): boolean {
  return header.split(",").some((item) => item.trim() === "*" || item.trim().replaceAll(/^(?:W\/)?"|"$/g, "") === etag);
}

function timeOf(header: string | undefined, otherwise: number): number {
  const time = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(time) ? otherwise : time;
}
