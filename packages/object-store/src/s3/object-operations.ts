import { pipeline } from "node:stream/promises";
import type { ObjectMeta } from "../port.ts";
import { ObjectStoreError } from "../error.ts";
import { S3Error } from "./error.ts";
import { type Exchange, sendEmpty, sendXml } from "./exchange.ts";
import { type ByteRange, checkPreconditions, describedBy, objectHeaders, parseRange, quoted } from "./headers.ts";

export async function putObject({ request, response, payload, store, signal }: Exchange): Promise<void> {
  const { body, contentMd5 } = payload;
  const options = {
    ...describedBy(request),
    ...ifNoneMatch(request.header("if-none-match")),
    ...(contentMd5 && { contentMd5 }),
    signal,
  };
  if (request.header("if-match") !== undefined)
    throw new S3Error("NotImplemented", "If-Match is not supported for writes");
  const meta = await store.put(request.bucket, request.key, body, options);
  sendEmpty(response, 200, { ...payload.checksumHeaders(), etag: quoted(meta.etag) });
}

export function ifNoneMatch(header: string | undefined): { ifNoneMatch?: "*" } {
  if (header === undefined) return {};
  if (header.trim() !== "*") throw new S3Error("NotImplemented", "If-None-Match of a write can only be *");
  return { ifNoneMatch: "*" };
}

export async function headObject(exchange: Exchange): Promise<void> {
  const { request, response, store, signal } = exchange;
  const meta = await store.head(request.bucket, request.key, { signal });
  if (answeredByPrecondition(exchange, meta)) return;
  const range = resolveRange(parseRange(request.header("range")), meta.size);
  const { status, headers } = contentHeaders(meta, range);
  response.writeHead(status, { ...objectHeaders(meta, request), ...headers }).end();
}

export async function getObject(exchange: Exchange): Promise<void> {
  const { request, response, store, signal } = exchange;
  const asked = parseRange(request.header("range"));
  const conditional = request.headerNames.some((name) => name.startsWith("if-"));
  const suffix = asked !== undefined && "suffix" in asked;
  // One look is enough for most; conditions and suffixes need to know the object before it is opened.
  const before = conditional || suffix ? await store.head(request.bucket, request.key, { signal }) : undefined;
  if (before !== undefined && answeredByPrecondition(exchange, before)) return;

  const range = suffix ? resolveRange(asked, before?.size ?? 0) : asked;
  const { meta, body } = await openRange(exchange, range);
  const { status, headers } = contentHeaders(meta, range);
  response.writeHead(status, { ...objectHeaders(meta, request), ...headers });
  await pipeline(body, response, { signal });
}

type FirstRange = { readonly start: number; readonly end?: number };

async function openRange({ request, response, store, signal }: Exchange, range: FirstRange | undefined) {
  try {
    return await store.get(request.bucket, request.key, { ...(range && { range }), signal });
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "InvalidRange") {
      const { size } = await store.head(request.bucket, request.key, { signal });
      response.setHeader("content-range", `bytes */${size}`);
    }
    throw error;
  }
}

function resolveRange(range: ByteRange | undefined, size: number): FirstRange | undefined {
  if (range !== undefined && ("suffix" in range ? range.suffix === 0 || size === 0 : range.start >= size)) {
    throw new S3Error("InvalidRange", "the range does not lie in the object");
  }
  return range !== undefined && "suffix" in range ? { start: Math.max(0, size - range.suffix) } : range;
}

function contentHeaders(
  { size }: ObjectMeta,
  range: FirstRange | undefined,
): { status: number; headers: Record<string, string> } {
  if (range === undefined) return { status: 200, headers: { "content-length": String(size) } };
  const end = Math.min(range.end ?? size - 1, size - 1);
  return {
    status: 206,
    headers: {
      "content-length": String(end - range.start + 1),
      "content-range": `bytes ${range.start}-${end}/${size}`,
    },
  };
}

function answeredByPrecondition({ request, response }: Exchange, meta: ObjectMeta): boolean {
  const outcome = checkPreconditions(request, meta);
  if (outcome === "failed")
    throw new S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
  if (outcome === "not modified") response.writeHead(304, { etag: quoted(meta.etag) }).end();
  return outcome === "not modified";
}

export async function deleteObject({ request, response, store, signal }: Exchange): Promise<void> {
  await store.delete(request.bucket, request.key, { signal });
  sendEmpty(response, 204);
}

export async function copyObject({ request, response, store, signal }: Exchange): Promise<void> {
  const source = copySource(request.header("x-amz-copy-source") ?? "");
  const replace = request.header("x-amz-metadata-directive")?.toUpperCase() === "REPLACE";
  const before = await store.head(source.bucket, source.key, { signal });
  const described = replace
    ? describedBy(request)
    : { metadata: before.metadata, ...(before.contentType !== undefined && { contentType: before.contentType }) };
  const { body } = await store.get(source.bucket, source.key, { signal });
  const meta = await store.put(request.bucket, request.key, body, { ...described, signal });
  sendXml(response, 200, "CopyObjectResult", {
    ETag: quoted(meta.etag),
    LastModified: meta.lastModified.toISOString(),
  });
}

/** `/bucket/key` or `bucket/key`, percent-encoded. */
export function copySource(header: string): { bucket: string; key: string } {
  if (/\?versionId=/.test(header)) throw new S3Error("NotImplemented", "this store has no versions");
  const parts = /^\/?([^/]+)\/(.+)$/s.exec(decodeSource(header));
  if (parts === null) throw new S3Error("InvalidArgument", "x-amz-copy-source must be bucket/key");
  return { bucket: parts[1] ?? "", key: parts[2] ?? "" };
}

function decodeSource(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch (error) {
    throw new S3Error("InvalidArgument", "x-amz-copy-source is not percent-encoded UTF-8", { cause: error });
  }
}
