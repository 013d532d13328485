import type { Checksum, ObjectBody } from "../port.ts";
import { uriEncodePath } from "../sigv4/uri-encode.ts";
import { S3Error } from "./error.ts";
import { type Exchange, sendEmpty, sendXml } from "./exchange.ts";
import { checkChecksum, checksumHeaders, checksumName, checksumOf } from "./checksum.ts";
import { describedBy, quoted, writeConditions } from "./headers.ts";
import { joined, type MultipartArea, type Part } from "./multipart-area.ts";
import { copySource } from "./object-operations.ts";
import { readXmlBody } from "./payload.ts";
import type { S3Request } from "./request.ts";
import { children, parseXml, textOf } from "./xml.ts";

/** S3's limits. */
const MAX_PART_NUMBER = 10_000;
const MIN_PART_BYTES = 5 * 1024 * 1024;
/** 10,000 parts with number, etag and checksum. */
const MAX_COMPLETE_XML_BYTES = 4 * 1024 * 1024;

export async function createMultipartUpload({ request, response, multipart, buckets }: Exchange): Promise<void> {
  const { bucket, key } = request;
  if (!buckets.includes(bucket)) throw new S3Error("NoSuchBucket", "The specified bucket does not exist");
  const id = await multipart.create({ bucket, key, described: describedBy(request) });
  sendXml(response, 200, "InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: id });
}

export async function uploadPart(exchange: Exchange): Promise<void> {
  const { response, payload, multipart } = exchange;
  const { id } = await uploadOf(exchange);
  const etag = await multipart.writePart(id, partNumber(exchange), payload.body, payload.contentMd5);
  sendEmpty(response, 200, { ...checksumHeaders(payload.checksum()), etag: quoted(etag) });
}

export async function uploadPartCopy(exchange: Exchange): Promise<void> {
  const { request, response, store, multipart, signal } = exchange;
  const { id } = await uploadOf(exchange);
  const source = copySource(request.header("x-amz-copy-source") ?? "");
  const asked = request.header("x-amz-copy-source-range");
  const range = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(asked ?? "");
  if (asked !== undefined && range === null)
    throw new S3Error("InvalidArgument", "x-amz-copy-source-range must be bytes=first-last");
  const options = range === null ? { signal } : { range: { start: Number(range[1]), end: Number(range[2]) }, signal };
  const number = partNumber(exchange);
  const { body } = await store.get(source.bucket, source.key, options);
  const etag = await multipart.writePart(id, number, body);
  sendXml(response, 200, "CopyPartResult", { ETag: quoted(etag) });
}

/** One completion at a time for each upload: a client that did not wait for the answer asks again, and gets the same. */
const completing = new WeakMap<MultipartArea, Map<string, Promise<string>>>();

export async function completeMultipartUpload(exchange: Exchange): Promise<void> {
  const { request, response, payload, multipart } = exchange;
  const root = parseXml(await readXmlBody(payload, MAX_COMPLETE_XML_BYTES), "CompleteMultipartUpload");
  const id = request.param("uploadId") ?? "";
  await multipart.find(id, request.bucket, request.key);
  const running = completing.get(multipart) ?? new Map<string, Promise<string>>();
  completing.set(multipart, running);
  let result = running.get(id);
  if (result === undefined) {
    result = complete(exchange, id, root).finally(() => running.delete(id));
    running.set(id, result);
  }
  const etag = quoted(await result);
  const location = `/${request.bucket}/${request.key}`;
  sendXml(response, 200, "CompleteMultipartUploadResult", {
    Location: location,
    Bucket: request.bucket,
    Key: request.key,
    ETag: etag,
  });
}

async function complete(
  { request, store, multipart }: Exchange,
  id: string,
  root: Parameters<typeof children>[0],
): Promise<string> {
  const before = await multipart.resultOf(id);
  if (before !== undefined) return before;
  const upload = await multipart.find(id, request.bucket, request.key);
  const named = children(root, "Part").map((part) => ({
    number: Number(textOf(part, "PartNumber")),
    etag: (textOf(part, "ETag") ?? "").trim().replaceAll('"', ""),
  }));
  const parts = choose(named, await multipart.parts(id));
  checkSize(request, parts);
  // Not bound to the request: the work of joining is done whether or not this client still waits for it.
  const options = { ...upload.described, ...writeConditions(request) };
  const { body, checksum } = checkedWhole(request, joined(parts));
  const { etag } = await store.put(request.bucket, request.key, body, {
    ...options,
    ...(checksum && { checksum: () => checksum }),
  });
  await multipart.finish(id, etag);
  return etag;
}

/** The checksum of the whole object, when the client gives it. */
function checkedWhole(request: S3Request, body: ObjectBody): { body: ObjectBody; checksum?: Checksum } {
  const name = checksumName(request.headerNames);
  if (name === undefined) return { body };
  const value = request.header(name) ?? "";
  if (/-\d+$/.test(value))
    throw new S3Error(
      "NotImplemented",
      "a checksum of checksums can not be checked here; send the whole object's or none",
    );
  return { body: checkChecksum(body, name, () => value), checksum: checksumOf(name, value) };
}

function checkSize(request: S3Request, parts: readonly Part[]): void {
  const announced = request.header("x-amz-mp-object-size");
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (announced !== undefined && announced !== String(size))
    throw new S3Error("InvalidRequest", `the parts have ${size} bytes together, not the announced ${announced}`);
}

function choose(named: readonly { number: number; etag: string }[], stored: readonly Part[]): Part[] {
  if (named.length === 0) throw new S3Error("MalformedXML", "at least one part must be named");
  if (named.some(({ number }, i) => i > 0 && number <= (named[i - 1]?.number ?? 0))) {
    throw new S3Error("InvalidPartOrder", "the parts must be named in ascending order");
  }
  const byNumber = new Map(stored.map((part) => [part.number, part]));
  return named.map(({ number, etag }, i) => {
    const part = byNumber.get(number);
    if (part?.etag !== etag) throw new S3Error("InvalidPart", `part ${number} was not uploaded, or with another etag`);
    if (part.size < MIN_PART_BYTES && i < named.length - 1)
      throw new S3Error("EntityTooSmall", `part ${number} is smaller than 5 MiB`);
    return part;
  });
}

export async function abortMultipartUpload(exchange: Exchange): Promise<void> {
  const { id } = await uploadOf(exchange);
  await exchange.multipart.remove(id);
  sendEmpty(exchange.response, 204);
}

export async function listParts(exchange: Exchange): Promise<void> {
  const { request, response, multipart } = exchange;
  const { id } = await uploadOf(exchange);
  const after = Number(request.param("part-number-marker") ?? "0");
  const limit = Math.min(Number(request.param("max-parts") ?? "1000"), 1000);
  if (!Number.isInteger(after) || !(limit > 0))
    throw new S3Error("InvalidArgument", "part-number-marker and max-parts must be numbers");
  const left = (await multipart.parts(id)).filter(({ number }) => number > after);
  const page = left.slice(0, limit);
  sendXml(response, 200, "ListPartsResult", {
    Bucket: request.bucket,
    Key: request.key,
    UploadId: id,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.number ?? after,
    MaxParts: limit,
    IsTruncated: page.length < left.length,
    StorageClass: "STANDARD",
    Part: page.map(({ number, etag, size, lastModified }) => ({
      PartNumber: number,
      LastModified: lastModified.toISOString(),
      ETag: quoted(etag),
      Size: size,
    })),
  });
}

export async function listMultipartUploads({ request, response, multipart, buckets }: Exchange): Promise<void> {
  const { bucket } = request;
  if (!buckets.includes(bucket)) throw new S3Error("NoSuchBucket", "The specified bucket does not exist");
  for (const name of ["delimiter", "key-marker", "upload-id-marker"])
    if (request.param(name)) throw new S3Error("NotImplemented", `uploads are not listed by ${name}`);
  const prefix = request.param("prefix") ?? "";
  const encode = request.param("encoding-type") === "url" ? uriEncodePath : (text: string): string => text;
  const found = (await multipart.underWay(bucket)).filter(({ key }) => key.startsWith(prefix));
  sendXml(response, 200, "ListMultipartUploadsResult", {
    Bucket: bucket,
    Prefix: encode(prefix),
    EncodingType: request.param("encoding-type"),
    MaxUploads: found.length,
    IsTruncated: false,
    Upload: found.map(({ key, id, initiatedMs }) => ({
      Key: encode(key),
      UploadId: id,
      Initiated: new Date(initiatedMs).toISOString(),
      StorageClass: "STANDARD",
    })),
  });
}

async function uploadOf({ request, multipart }: Exchange): Promise<{ id: string }> {
  const id = request.param("uploadId") ?? "";
  await multipart.find(id, request.bucket, request.key);
  if ((await multipart.resultOf(id)) !== undefined) throw new S3Error("NoSuchUpload", "The upload was completed");
  return { id };
}

function partNumber({ request }: Exchange): number {
  const text = request.param("partNumber") ?? "";
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_PART_NUMBER)
    throw new S3Error("InvalidArgument", `partNumber must be 1 to ${MAX_PART_NUMBER}`);
  return number;
}
