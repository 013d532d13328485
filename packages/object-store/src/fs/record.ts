import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ObjectMeta, PutOptions } from "../port.ts";
import { isAbsent } from "./errno.ts";

/**
 * What the file itself does not tell about an object. Data and record are two files, so a record names the data that it
 * belongs to by size and modification time; one that does not fit (a crash between the two renames, a file edited by hand)
 * is not believed.
 */
export interface ObjectRecord extends Pick<ObjectMeta, "contentType" | "headers" | "checksum"> {
  readonly size: number;
  readonly mtimeNs: string;
  readonly etag: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Asked once the body has been read. */
export function recordOf(
  file: Pick<ObjectRecord, "size" | "mtimeNs" | "etag">,
  { contentType, headers, metadata, checksum: checksumOf }: PutOptions,
): ObjectRecord {
  const checksum = checksumOf?.();
  return {
    size: file.size,
    mtimeNs: file.mtimeNs,
    etag: file.etag,
    ...(contentType !== undefined && { contentType }),
    ...(headers !== undefined && { headers }),
    ...(checksum !== undefined && { checksum }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** As it is written: with the names that its place tells too. */
export interface StagedRecord extends ObjectRecord {
  readonly bucket: string;
  readonly key: string;
}

export const readRecord = (path: string): Promise<ObjectRecord | undefined> => readJson<ObjectRecord>(path);

export const readStagedRecord = (path: string): Promise<StagedRecord | undefined> => readJson<StagedRecord>(path);

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    // A record that was cut short (loss of power) is as good as none: the object itself is whole.
    if (isAbsent(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function recordFits(
  record: ObjectRecord | undefined,
  stats: Pick<BigIntStats, "size" | "mtimeNs">,
): record is ObjectRecord {
  return record !== undefined && record.mtimeNs === String(stats.mtimeNs) && BigInt(record.size) === stats.size;
}

/** Without a fitting record the etag is made from what the record would be compared with, and marked by `-` as not an MD5. */
export function metaOf(
  key: string,
  stats: Pick<BigIntStats, "size" | "mtimeNs">,
  record: ObjectRecord | undefined,
): ObjectMeta {
  const fitting = recordFits(record, stats) ? record : undefined;
  const etag = fitting?.etag ?? `${createHash("md5").update(`${stats.size}:${stats.mtimeNs}`).digest("hex")}-1`;
  return {
    key,
    size: Number(stats.size),
    etag,
    lastModified: new Date(Number(stats.mtimeNs / 1_000_000n)),
    ...(fitting?.contentType !== undefined && { contentType: fitting.contentType }),
    ...(fitting?.headers !== undefined && { headers: fitting.headers }),
    ...(fitting?.checksum !== undefined && { checksum: fitting.checksum }),
    metadata: fitting?.metadata ?? {},
  };
}
