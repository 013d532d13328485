import { ObjectStoreError } from "../error.ts";
import { chunksOf } from "../body.ts";
import type { ObjectBody, ObjectMeta, PutOptions } from "../port.ts";
import type { Caller } from "./call.ts";
import { conditionHeaders, describingHeaders, unquoted } from "./headers.ts";
import { putInParts } from "./multipart.ts";
import { cutIntoParts } from "./parts.ts";
import { until } from "../until.ts";

/** What is in memory already needs no parts up to here. */
const MAX_SINGLE_BYTES = 32 * 1024 * 1024;

export interface Place {
  readonly bucket: string;
  readonly key: string;
}

/** Of what was written: etag and time as the store's answer has them, which tells the time to the second. */
export interface Written {
  readonly etag: string;
  readonly size: number;
  readonly at: Date;
}

/** A stream is one PUT when it ends within its first part, else an upload in parts; no more than four parts are in memory. */
export async function putObject(
  call: Caller,
  place: Place,
  body: Uint8Array | ObjectBody,
  options: PutOptions,
): Promise<ObjectMeta> {
  if (body instanceof Uint8Array && body.byteLength <= MAX_SINGLE_BYTES)
    return written(place, options, await putWhole(call, place, body, options));
  const parts = cutIntoParts(until(chunksOf(body), options.signal));
  try {
    const first = await parts.next();
    const second = first.done ? first : await parts.next();
    if (first.done || second.done)
      return written(place, options, await putWhole(call, place, first.value ?? new Uint8Array(), options));
    return written(place, options, await putInParts(call, place, [first.value, second.value], parts, options));
  } finally {
    await parts.return(undefined).catch(() => undefined);
  }
}

async function putWhole(call: Caller, { bucket, key }: Place, body: Uint8Array, options: PutOptions): Promise<Written> {
  const checksum = options.checksum?.();
  const answer = await call({
    operation: "PutObject",
    method: "PUT",
    bucket,
    key,
    body,
    headers: {
      ...describingHeaders(options),
      ...conditionHeaders(options),
      ...(options.contentMd5 && { "content-md5": Buffer.from(options.contentMd5).toString("base64") }),
      ...(checksum && { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }),
    },
    repeatable: options.ifNoneMatch === undefined && options.ifMatch === undefined,
    signal: options.signal,
  });
  await answer.discard();
  const { etag, date } = answer.headers;
  if (etag === undefined)
    throw new ObjectStoreError("Internal", `PutObject of ${bucket}/${key}: the answer has no etag`);
  return { etag: unquoted(etag), size: body.byteLength, at: new Date(date ?? 0) };
}

function written({ key }: Place, options: PutOptions, { etag, size, at }: Written): ObjectMeta {
  const { contentType, headers, metadata = {} } = options;
  return {
    key,
    size,
    etag,
    lastModified: at,
    ...(contentType !== undefined && { contentType }),
    ...(headers !== undefined && { headers }),
    metadata,
  };
}
