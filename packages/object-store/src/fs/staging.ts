import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { chunksOf } from "../body.ts";
import { until } from "../until.ts";
import { ObjectStoreError } from "../error.ts";
import type { ObjectBody, PutOptions } from "../port.ts";
import { type ObjectRecord, readStagedRecord, type StagedRecord } from "./record.ts";

export interface StagedFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly etag: string;
}

const RECORD = ".record";

/**
 * Where objects are written before they get their name. It belongs to one open store, and what others left behind is removed:
 * two processes must not share a root.
 */
export class Staging {
  readonly #path: string;
  #count = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(path: string): Promise<Staging> {
    await mkdir(path, { recursive: true });
    return new Staging(await mkdtemp(join(path, "open-")));
  }

  /** Removes what earlier processes left, after `adopt` has seen each of their records, and perhaps moved its file away. */
  async clean(adopt: (record: StagedRecord, file: string) => Promise<void>): Promise<void> {
    const area = dirname(this.#path);
    for (const session of await readdir(area)) {
      const folder = join(area, session);
      if (folder === this.#path) continue;
      for (const name of await readdir(folder)) {
        const record = name.endsWith(RECORD) ? await readStagedRecord(join(folder, name)) : undefined;
        if (record !== undefined) await adopt(record, join(folder, name));
      }
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Streams the body to a file, hashing on the way. On any failure nothing stays behind. */
  async stage(body: Uint8Array | ObjectBody, options: PutOptions, nowMs: number): Promise<StagedFile> {
    const path = this.#nextPath();
    try {
      await using file = await open(path, "wx");
      const hash = createHash("md5");
      let size = 0;
      for await (const chunk of until(chunksOf(body), options.signal)) {
        hash.update(chunk);
        size += chunk.byteLength;
        for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
      }
      const digest = hash.digest();
      if (options.contentMd5 !== undefined && !digest.equals(options.contentMd5)) {
        throw new ObjectStoreError("BadDigest", "the body's MD5 is not the one that was given");
      }
      // The file's time is the clock's, made unique within the millisecond, so that a record fits only the data it was written for.
      const seconds = nowMs / 1000 + (this.#count % 900) / 1e6;
      await file.utimes(seconds, seconds);
      const { mtimeNs } = await file.stat({ bigint: true });
      return { path, size, mtimeNs: String(mtimeNs), etag: digest.toString("hex") };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** With what it belongs to, so that the next `open` can bring a put to its end whose process died between its two renames. */
  async stageRecord(bucket: string, key: string, record: ObjectRecord): Promise<string> {
    const path = this.#nextPath() + RECORD;
    try {
      await writeFile(path, JSON.stringify({ bucket, key, ...record } satisfies StagedRecord), { flag: "wx" });
      return path;
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  #nextPath(): string {
    this.#count += 1;
    return join(this.#path, String(this.#count));
  }
}
