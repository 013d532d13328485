/** An upload in parts: seen whole at its completion or not at all; taken back when it fails. */
import { createHash } from "node:crypto";
import { ObjectStoreError } from "../error.ts";
import type { PutOptions } from "../port.ts";
import type { Caller } from "./call.ts";
import { conditionHeaders, describingHeaders, unquoted } from "./headers.ts";
import { element, parseAnswer, textOf } from "./parse-answer.ts";
import { MAX_PARTS } from "./parts.ts";
import type { Place, Written } from "./put.ts";

const CONCURRENT_PARTS = 2;
/** Of a failed upload: it costs money until a lifecycle rule of the bucket ends it, so it is worth some seconds. */
const ABORT_TIMEOUT_MS = 10_000;
/** S3 joins for minutes when there is much to join. */
const COMPLETE_TIMEOUT_MS = 300_000;
const COMPLETE_TRIES = 3;

export async function putInParts(
  call: Caller,
  place: Place,
  first: readonly Buffer[],
  rest: AsyncIterable<Buffer>,
  options: PutOptions,
): Promise<Written> {
  const uploadId = await createUpload(call, place, options);
  try {
    const { etags, size } = await uploadParts(call, place, uploadId, follow(first, rest), options);
    return { size, ...(await complete(call, place, uploadId, etags, options)) };
  } catch (error) {
    await abort(call, place, uploadId);
    throw error;
  }
}

async function* follow(first: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}

async function createUpload(call: Caller, place: Place, options: PutOptions): Promise<string> {
  const operation = "CreateMultipartUpload";
  const answer = await call({
    operation,
    method: "POST",
    ...place,
    query: [["uploads", ""]],
    headers: describingHeaders(options),
    signal: options.signal,
  });
  const uploadId = textOf(element(parseAnswer(await answer.text()), "InitiateMultipartUploadResult"), "UploadId");
  if (!uploadId)
    throw new ObjectStoreError("Internal", `${operation} of ${place.bucket}/${place.key}: no id in the answer`);
  return uploadId;
}

async function uploadParts(
  call: Caller,
  place: Place,
  uploadId: string,
  parts: AsyncIterable<Buffer>,
  { contentMd5, signal }: PutOptions,
): Promise<{ readonly etags: readonly string[]; readonly size: number }> {
  const stop = new AbortController();
  const bounded = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const running = new Set<Promise<void>>();
  const etags: string[] = [];
  const md5 = contentMd5 && createHash("md5");
  let failure: { readonly error: unknown } | undefined;
  let size = 0;
  let number = 0;

  const start = async (index: number, body: Buffer): Promise<void> => {
    try {
      etags[index] = await uploadPart(call, place, uploadId, index + 1, body, bounded);
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    }
  };
  const track = (upload: Promise<void>): void => {
    running.add(upload);
    void upload.then(() => running.delete(upload));
  };

  try {
    for await (const part of parts) {
      if (number >= MAX_PARTS) throw new ObjectStoreError("TooLarge", `${place.key} has more than ${MAX_PARTS} parts`);
      md5?.update(part);
      size += part.byteLength;
      track(start(number++, part));
      while (running.size >= CONCURRENT_PARTS) await Promise.race(running);
      if (failure !== undefined) throw failure.error;
    }
  } catch (error) {
    stop.abort(error);
    await Promise.all(running);
    throw error;
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  if (md5 && contentMd5 && !md5.digest().equals(contentMd5))
    throw new ObjectStoreError("BadDigest", `the body's MD5 is not the one that was given for ${place.key}`);
  return { etags, size };
}

async function uploadPart(
  call: Caller,
  place: Place,
  uploadId: string,
  number: number,
  body: Buffer,
  signal: AbortSignal,
): Promise<string> {
  const operation = "UploadPart";
  const query = [["partNumber", String(number)] as const, ["uploadId", uploadId] as const];
  const answer = await call({ operation, method: "PUT", ...place, query, body, signal });
  await answer.discard();
  const etag = answer.headers["etag"];
  if (etag === undefined)
    throw new ObjectStoreError("Internal", `${operation} of ${place.key}: the answer has no etag`);
  return unquoted(etag);
}

async function complete(
  call: Caller,
  place: Place,
  uploadId: string,
  etags: readonly string[],
  options: PutOptions,
): Promise<Pick<Written, "etag" | "at">> {
  const operation = "CompleteMultipartUpload";
  const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`).join("");
  const body = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`,
  );
  const conditional = options.ifNoneMatch !== undefined || options.ifMatch !== undefined;
  for (let tries = 1; ; tries++) {
    try {
      const answer = await call({
        operation,
        method: "POST",
        ...place,
        query: [["uploadId", uploadId]],
        headers: { "content-type": "application/xml", ...conditionHeaders(options) },
        body,
        repeatable: !conditional,
        timeoutMs: COMPLETE_TIMEOUT_MS,
        signal: options.signal,
      });
      // S3 says 200 before it knows; an error then comes in the body.
      const result = parseAnswer((await answer.text()).trim());
      const etag = textOf(element(result, "CompleteMultipartUploadResult"), "ETag");
      if (etag !== undefined) return { etag: unquoted(etag), at: new Date(answer.headers["date"] ?? 0) };
      const error = element(result, "Error");
      const reason = textOf(error, "Code") ?? "no reason";
      const failed = new ObjectStoreError(
        "Unavailable",
        `${operation} of ${place.bucket}/${place.key}: ${reason}: ${textOf(error, "Message") ?? ""}`,
        { call: { operation, status: 200, reason } },
      );
      if (conditional || tries >= COMPLETE_TRIES) throw failed;
    } catch (error) {
      const found = isNoSuchUpload(error) ? await completedBefore(call, place, etags, options.signal) : undefined;
      if (found === undefined) throw error;
      return found;
    }
  }
}

const isNoSuchUpload = (error: unknown): boolean =>
  error instanceof ObjectStoreError && error.call?.reason === "NoSuchUpload";

/** The answer to a completion was lost, and the upload is gone: was it ours that became the object? Its etag tells. */
async function completedBefore(
  call: Caller,
  place: Place,
  etags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Pick<Written, "etag" | "at"> | undefined> {
  if (!etags.every((etag) => /^[0-9a-f]{32}$/.test(etag))) return undefined;
  const ofParts = createHash("md5")
    .update(Buffer.from(etags.join(""), "hex"))
    .digest("hex");
  const answer = await call({ operation: "HeadObject", method: "HEAD", ...place, signal }).catch(() => undefined);
  await answer?.discard();
  const etag = unquoted(answer?.headers["etag"] ?? "");
  if (answer === undefined || etag !== `${ofParts}-${etags.length}`) return undefined;
  return { etag, at: new Date(answer.headers["last-modified"] ?? 0) };
}

/** Best effort: the failure that led here is the one to tell. */
async function abort(call: Caller, place: Place, uploadId: string): Promise<void> {
  try {
    const answer = await call({
      operation: "AbortMultipartUpload",
      method: "DELETE",
      ...place,
      query: [["uploadId", uploadId]],
      signal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
    });
    await answer.discard();
  } catch {
    // The bucket's lifecycle rule for incomplete uploads ends it: docs/guide/object-stores.md.
  }
}
