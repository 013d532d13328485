import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ObjectStoreError } from "../error.ts";
import type { DeleteOptions, ObjectMeta, PutOptions, WriteConditions } from "../port.ts";
import { errnoOf, isAbsent, lstatIfPresent } from "./errno.ts";
import { makeFolder, removeEmptyFolders } from "./folders.ts";
import { displacedPath, metaPath, objectPath } from "./key-path.ts";
import { Mutex } from "./mutex.ts";
import { metaOf, type ObjectRecord, readRecord, recordFits, recordOf, type StagedRecord } from "./record.ts";
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
    const record = recordOf(staged, options);
    let stagedRecord = "";
    try {
      stagedRecord = await this.#staging.stageRecord(basename(this.data), key, record);
      return await this.#changes.run(async () => {
        options.signal?.throwIfAborted();
        await this.#check(key, options);
        const path = await this.#place(key);
        const recordPath = await this.#recordPlace(key);
        // A crash between the two is made good by `adopt`.
        await rename(staged.path, path);
        await rename(stagedRecord, recordPath);
        const stats = { size: BigInt(staged.size), mtimeNs: BigInt(staged.mtimeNs) };
        return metaOf(key, stats, record);
      });
    } finally {
      for (const path of [staged.path, stagedRecord]) if (path !== "") await rm(path, { force: true });
    }
  }

  /** Gives an object the record that an earlier process had written for it and could not put in its place any more. */
  async adopt(record: StagedRecord, file: string): Promise<void> {
    const plain = join(this.data, objectPath(record.key));
    for (const path of [plain, displacedPath(plain)]) {
      const stats = await lstatIfPresent(path);
      if (stats?.isFile() && recordFits(record, stats)) return rename(file, await this.#recordPlace(record.key));
    }
  }

  async #recordPlace(key: string): Promise<string> {
    const path = join(this.#records, metaPath(key));
    await makeFolder(this.#records, dirname(path));
    return path;
  }

  /** Throws unless the conditions hold; to be called where no name can change. */
  async #check(key: string, { ifMatch, ifNoneMatch }: WriteConditions): Promise<void> {
    if (ifMatch === undefined && ifNoneMatch === undefined) return;
    const current = await this.#etagOf(key);
    if (ifNoneMatch !== undefined && current !== undefined)
      throw new ObjectStoreError("PreconditionFailed", "an object of this key exists already");
    if (ifMatch === undefined) return;
    if (current === undefined) throw new ObjectStoreError("NotFound", "there is no object of this key");
    if (ifMatch !== "*" && ifMatch !== current)
      throw new ObjectStoreError("PreconditionFailed", `the object's etag is ${current}, not ${ifMatch}`);
  }

  async #etagOf(key: string): Promise<string | undefined> {
    const opened = await this.#openWithRecord(key);
    if (opened === undefined) return undefined;
    await opened.file.close();
    return metaOf(key, opened.stats, opened.record).etag;
  }

  /** The path for the object's data, with its folder made. */
  async #place(key: string): Promise<string> {
    const plain = join(this.data, objectPath(key));
    await makeFolder(this.data, dirname(plain));
    const [atPlain, atDisplaced] = await Promise.all([lstatIfPresent(plain), lstatIfPresent(displacedPath(plain))]);
    return atDisplaced !== undefined || atPlain?.isDirectory() ? displacedPath(plain) : plain;
  }

  /** The object's open file and what is known of it. The caller closes the file. */
  async open(key: string): Promise<{ file: FileHandle; meta: ObjectMeta }> {
    let opened = await this.#openWithRecord(key);
    if (opened !== undefined && !recordFits(opened.record, opened.stats)) {
      // Perhaps a writer is between its two renames: look again while none can be.
      await opened.file.close();
      opened = await this.#changes.run(() => this.#openWithRecord(key));
    }
    if (opened === undefined) throw new ObjectStoreError("NotFound", "there is no object of this key");
    return { file: opened.file, meta: metaOf(key, opened.stats, opened.record) };
  }

  async #openWithRecord(key: string): Promise<(OpenObject & { record: ObjectRecord | undefined }) | undefined> {
    const plain = join(this.data, objectPath(key));
    const opened = (await openFile(plain)) ?? (await openFile(displacedPath(plain)));
    if (opened === undefined) return undefined;
    try {
      return { ...opened, record: await readRecord(join(this.#records, metaPath(key))) };
    } catch (error) {
      await opened.file.close();
      throw error;
    }
  }

  delete(key: string, options: DeleteOptions): Promise<void> {
    return this.#changes.run(async () => {
      await this.#check(key, options);
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
