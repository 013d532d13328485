import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ObjectStoreError } from "../error.ts";
import type { ObjectMeta, PutOptions } from "../port.ts";
import { errnoOf, isAbsent, lstatIfPresent } from "./errno.ts";
import { makeFolder, removeEmptyFolders } from "./folders.ts";
import { displacedPath, metaPath, objectPath } from "./key-path.ts";
import { Mutex } from "./mutex.ts";
import { metaOf, type ObjectRecord, readRecord, recordFits } from "./record.ts";
import type { StagedFile, Staging } from "./staging.ts";

export interface OpenObject {
  readonly file: FileHandle;
  readonly stats: BigIntStats;
}

/**
 * The files of one bucket: data under `data`, records under `records`. Changes of names happen one at a time (they are a few
 * renames long); bodies are written before, and read, without waiting for anyone.
 */
export class FsBucket {
  readonly data: string;
  readonly #records: string;
  readonly #staging: Staging;
  readonly #changes = new Mutex();

  constructor(data: string, records: string, staging: Staging) {
    this.data = data;
    this.#records = records;
    this.#staging = staging;
  }

  async commit(key: string, staged: StagedFile, options: PutOptions): Promise<ObjectMeta> {
    const { path: stagedPath, ...identity } = staged;
    const record: ObjectRecord = {
      ...identity,
      ...(options.contentType !== undefined && { contentType: options.contentType }),
      ...(options.metadata !== undefined && { metadata: options.metadata }),
    };
    const stagedRecord = await this.#staging.stageText(JSON.stringify(record));
    try {
      return await this.#changes.run(async () => {
        options.signal?.throwIfAborted();
        const path = await this.#place(key, options.ifNoneMatch !== undefined);
        const recordPath = join(this.#records, metaPath(key));
        await makeFolder(this.#records, dirname(recordPath));
        await rename(stagedPath, path);
        await rename(stagedRecord, recordPath);
        const stats = { size: BigInt(staged.size), mtimeNs: BigInt(staged.mtimeNs) };
        return metaOf(key, stats, record);
      });
    } finally {
      await Promise.all([rm(stagedPath, { force: true }), rm(stagedRecord, { force: true })]);
    }
  }

  /** The path for the object's data, with its folder made. */
  async #place(key: string, mustBeNew: boolean): Promise<string> {
    const plain = join(this.data, objectPath(key));
    await makeFolder(this.data, dirname(plain));
    const [atPlain, atDisplaced] = await Promise.all([lstatIfPresent(plain), lstatIfPresent(displacedPath(plain))]);
    const exists = atDisplaced !== undefined || (atPlain !== undefined && !atPlain.isDirectory());
    if (exists && mustBeNew) throw new ObjectStoreError("PreconditionFailed", "an object of this key exists already");
    return atDisplaced !== undefined || atPlain?.isDirectory() ? displacedPath(plain) : plain;
  }

  /** The object's open file and what is known of it. The caller closes the file. */
  async open(key: string): Promise<{ file: FileHandle; meta: ObjectMeta }> {
    const { file, stats, record } = await this.#openWithRecord(key);
    if (recordFits(record, stats)) return { file, meta: metaOf(key, stats, record) };
    // Perhaps a writer is between its two renames: look again while none can be.
    await file.close();
    return this.#changes.run(async () => {
      const again = await this.#openWithRecord(key);
      return { file: again.file, meta: metaOf(key, again.stats, again.record) };
    });
  }

  async #openWithRecord(key: string): Promise<OpenObject & { record: ObjectRecord | undefined }> {
    const plain = join(this.data, objectPath(key));
    const opened = (await openFile(plain)) ?? (await openFile(displacedPath(plain)));
    if (opened === undefined) throw new ObjectStoreError("NotFound", "there is no object of this key");
    try {
      return { ...opened, record: await readRecord(join(this.#records, metaPath(key))) };
    } catch (error) {
      await opened.file.close();
      throw error;
    }
  }

  delete(key: string): Promise<void> {
    return this.#changes.run(async () => {
      const path = join(this.data, objectPath(key));
      const recordPath = join(this.#records, metaPath(key));
      // The plain one last, and the record after both: whatever a crash leaves is the whole object or nothing.
      for (const name of [displacedPath(path), path, recordPath]) await unlinkFile(name);
      await removeEmptyFolders(this.data, dirname(path));
      await removeEmptyFolders(this.#records, dirname(recordPath));
    });
  }
}

/** No symbolic links (they lead out of the root), and no waiting for the writer of a named pipe. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Undefined when there is no such file, or a directory. */
async function openFile(path: string): Promise<OpenObject | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, OPEN_FLAGS);
    const stats = await file.stat({ bigint: true });
    if (stats.isFile()) return { file, stats };
    await file.close();
    return undefined;
  } catch (error) {
    await file?.close();
    if (isAbsent(error) || errnoOf(error) === "ELOOP") return undefined;
    throw error;
  }
}

async function unlinkFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // EISDIR (Linux) and EPERM (others): a folder of that name, so the object lies beside it.
    if (!isAbsent(error) && errnoOf(error) !== "EISDIR" && errnoOf(error) !== "EPERM") throw error;
  }
}
