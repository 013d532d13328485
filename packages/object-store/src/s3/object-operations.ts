import { pipeline } from "node:stream/promises";
import type { ObjectBody, ObjectMeta } from "../port.ts";
import { ObjectStoreError } from "../error.ts";
import { S3Error } from "./error.ts";
import { type Exchange, sendEmpty, sendXml } from "./exchange.ts";
import {
  type ByteRange,
  checkPreconditions,
  describedBy,
  objectHeaders,
  parseRange,
  quoted,
  writeConditions,
} from "./headers.ts";
import { checksumHeaders } from "./checksum.ts";

export async function putObject({ request, response, payload, store, signal }: Exchange): Promise<void> {
  const { body, contentMd5 } = payload;
  const options = {
    ...describedBy(request),
    ...writeConditions(request),
    ...(contentMd5 && { contentMd5 }),
    checksum: payload.checksum,
    signal,
  };
  const meta = await store.put(request.bucket, request.key, body, options);
  sendEmpty(response, 200, { ...checksumHeaders(payload.checksum()), etag: quoted(meta.etag) });
}

export async function headObject(exchange: Exchange): Promise<void> {
  const { request, response, store, signal } = exchange;
  const meta = await store.head(request.bucket, request.key, { signal });
  if (answeredByPrecondition(exchange, meta)) return;
  const range = resolveRange(parseRange(request.header("range")), meta.size);
  const { status, headers } = contentHeaders(meta, range);
  response.writeHead(status, { ...objectHeaders(meta, request, status === 206), ...headers }).end();
}

/** How often an object may be replaced between the look at it and its opening. */
const MAX_LOOKS = 5;

export async function getObject(exchange: Exchange, looks = 1): Promise<void> {
  const { request, response, store, signal } = exchange;
  const asked = parseRange(request.header("range"));
  const conditional = request.headerNames.some((name) => name.startsWith("if-"));
  const suffix = asked !== undefined && "suffix" in asked;
  // One look is enough for most; conditions and suffixes need to know the object before it is opened.
  const before = conditional || suffix ? await store.head(request.bucket, request.key, { signal }) : undefined;
  if (before !== undefined && answeredByPrecondition(exchange, before)) return;

  const range = suffix ? resolveRange(asked, before?.size ?? 0) : asked;
  const { meta, body } = await openRange(exchange, range);
  // What was opened is another object when it was replaced since the first look: the conditions are about what is sent.
  if (before !== undefined && before.etag !== meta.etag) {
    await leave(body);
    if (looks === MAX_LOOKS)
      throw new S3Error("OperationAborted", "the object is being replaced all the time; try again");
    return getObject(exchange, looks + 1);
  }
  const { status, headers } = contentHeaders(meta, range);
  response.writeHead(status, { ...objectHeaders(meta, request, status === 206), ...headers });
  await pipeline(body, response, { signal });
}

/** A body that nobody reads holds a file open. */
async function leave(body: ObjectBody): Promise<void> {
  for await (const _chunk of body) return;
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

/** Tags can not be put, so an object has none: the AWS CLI asks before it copies a large one. */
export async function getObjectTagging({ request, response, store, signal }: Exchange): Promise<void> {
  await store.head(request.bucket, request.key, { signal });
  sendXml(response, 200, "Tagging", { TagSet: "" });
}

export async function deleteObject({ request, response, store, signal }: Exchange): Promise<void> {
  const { ifMatch } = writeConditions(request);
  await store.delete(request.bucket, request.key, { ...(ifMatch !== undefined && { ifMatch }), signal });
  sendEmpty(response, 204);
}

export async function copyObject({ request, response, store, signal }: Exchange): Promise<void> {
  const source = copySource(request.header("x-amz-copy-source") ?? "");
  const replace = request.header("x-amz-metadata-directive")?.toUpperCase() === "REPLACE";
  const { meta: from, body } = await store.get(source.bucket, source.key, { signal });
  if (checkPreconditions(request, from, COPY_SOURCE) !== "met") {
    await leave(body);
    throw new S3Error("PreconditionFailed", "At least one of the pre-conditions on the copy's source did not hold");
  }
  const { contentType, headers, metadata } = from;
  const kept = { metadata, ...(contentType !== undefined && { contentType }), ...(headers && { headers }) };
  const meta = await store.put(request.bucket, request.key, body, {
    ...(replace ? describedBy(request) : kept),
    ...writeConditions(request),
    checksum: () => from.checksum,
    signal,
  });
  sendXml(response, 200, "CopyObjectResult", {
    ETag: quoted(meta.etag),
    LastModified: meta.lastModified.toISOString(),
  });
}

const COPY_SOURCE = "x-amz-copy-source-";

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
