import type { ObjectMeta, PutOptions, WriteConditions } from "../port.ts";
import { S3Error } from "./error.ts";
import type { S3Request } from "./request.ts";

const META_PREFIX = "x-amz-meta-";
/** S3's limit for names and values together. */
const MAX_METADATA_BYTES = 2048;

export function quoted(etag: string): string {
  return `"${etag}"`;
}

const KEPT = ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"] as const;

export type Description = Pick<PutOptions, "contentType" | "headers" | "metadata">;

/** Content type, headers and user metadata of an upload. */
export function describedBy(request: S3Request): Description {
  const contentType = request.header("content-type");
  const headers = Object.fromEntries(
    KEPT.map((name) => [name, keptValue(name, request.header(name) ?? "")] as const).filter(
      ([, value]) => value !== "",
    ),
  );
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
  return {
    ...(contentType !== undefined && { contentType }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(bytes > 0 && { metadata }),
  };
}

/** `aws-chunked` is how the body came, not what it is. */
function keptValue(name: string, value: string): string {
  if (name !== "content-encoding") return value;
  const codings = value.split(",").map((coding) => coding.trim());
  return codings.filter((coding) => coding !== "" && coding !== "aws-chunked").join(", ");
}

/** What S3 knows to do with a write and we do too, or what changes nothing. All else is refused: never taken and ignored. */
const KNOWN =
  /^x-amz-(meta-.+|checksum-.+|sdk-checksum-algorithm|content-sha256|date|security-token|trailer|decoded-content-length|copy-source.*|metadata-directive|tagging-directive|mp-object-size|user-agent|request-payer)$/;
/** Said of every object here, so to say it is allowed. */
const HOLDS: Readonly<Record<string, readonly string[]>> = {
  "x-amz-acl": ["private", "bucket-owner-full-control"],
  "x-amz-storage-class": ["STANDARD"],
};

export function checkKnownHeaders(request: S3Request): void {
  if (request.method !== "PUT" && request.method !== "POST") return;
  for (const name of request.headerNames) {
    if (!name.startsWith("x-amz-") || KNOWN.test(name)) continue;
    const value = request.header(name) ?? "";
    if (HOLDS[name]?.includes(value) !== true)
      throw new S3Error("NotImplemented", `this store does not have ${name}: ${value}; leave it out`);
  }
}

/** Headers of a HEAD or GET, except those of the length. A checksum is one of the whole object, so `part` has none. */
export function objectHeaders(meta: ObjectMeta, request: S3Request, part: boolean): Record<string, string> {
  const headers: Record<string, string> = {
    etag: quoted(meta.etag),
    "last-modified": meta.lastModified.toUTCString(),
    "content-type": meta.contentType ?? "binary/octet-stream",
    "accept-ranges": "bytes",
    ...meta.headers,
  };
  if (meta.checksum !== undefined && !part && request.header("x-amz-checksum-mode")?.toUpperCase() === "ENABLED") {
    headers[`x-amz-checksum-${meta.checksum.algorithm}`] = meta.checksum.value;
    headers["x-amz-checksum-type"] = "FULL_OBJECT";
  }
  for (const [name, value] of Object.entries(meta.metadata))
    headers[META_PREFIX + name] = Buffer.from(value).toString("latin1");
  for (const name of ["content-type", ...KEPT]) {
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

/** RFC 9110, section 13.2.2. With the prefix `x-amz-copy-source-` it is the source of a copy that is meant. */
export function checkPreconditions(request: S3Request, meta: ObjectMeta, prefix = ""): Precondition {
  const header = (name: string): string | undefined => request.header(prefix + name);
  const match = header("if-match");
  const noneMatch = header("if-none-match");
  const modified = Math.floor(meta.lastModified.getTime() / 1000) * 1000;
  if (match !== undefined) {
    if (!namesEtag(match, meta.etag)) return "failed";
  } else if (modified > timeOf(header("if-unmodified-since"), Infinity)) return "failed";
  if (noneMatch !== undefined) return namesEtag(noneMatch, meta.etag) ? "not modified" : "met";
  return modified <= timeOf(header("if-modified-since"), -Infinity) ? "not modified" : "met";
}

/** Of a write: If-None-Match can only be `*`, If-Match one etag or `*`. */
export function writeConditions(request: S3Request): WriteConditions {
  const noneMatch = request.header("if-none-match")?.trim();
  if (noneMatch !== undefined && noneMatch !== "*")
    throw new S3Error("NotImplemented", "If-None-Match of a write can only be *");
  const match = request.header("if-match")?.trim();
  if (match?.includes(",")) throw new S3Error("NotImplemented", "If-Match of a write can only be one etag");
  return {
    ...(noneMatch === "*" && { ifNoneMatch: "*" }),
    ...(match !== undefined && { ifMatch: unquoted(match) }),
  };
}

const unquoted = (etag: string): string => etag.replaceAll(/^(?:W\/)?"|"$/g, "");

function namesEtag(header: string, etag: string): boolean {
  return header.split(",").some((item) => item.trim() === "*" || unquoted(item.trim()) === etag);
}

function timeOf(header: string | undefined, otherwise: number): number {
  const time = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(time) ? otherwise : time;
}
