/**
 * The driver on a folder. Layout, for a person with `ls`:
 *   <root>/<bucket>/<key>             the object's bytes, under its own key where a file can have that name (see key-path.ts)
 *   <root>/.homeplane/meta/<bucket>/  content type, user metadata and etag, in the same tree
 *   <root>/.homeplane/staging/        writes in flight
 * Safe against kill at any moment (rename is atomic), not against loss of power (no fsync). One process per root.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@homeplane/runtime-kit";
import { leavable } from "../body.ts";
import { ObjectStoreError } from "../error.ts";
import { checkKey } from "../key.ts";
import type {
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectMeta,
  ObjectStore,
  PutOptions,
} from "../port.ts";
import { FsBucket } from "./bucket.ts";
import { tellingNoSpace } from "./errno.ts";
import { decodeToken, encodeToken, findPage } from "./list-page.ts";
import { Staging } from "./staging.ts";

const OWN_FOLDER = ".homeplane";
/** Reads in flight are 256 KiB each: measurably faster than Node's 64 KiB, and small enough for hundreds of readers. */
const READ_CHUNK = 256 * 1024;
/** Files looked at together while listing; libuv has 4 threads for it. */
const LIST_CONCURRENCY = 16;
/** S3's rule without the dots, which would allow `..` and hidden folders. */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export interface FsObjectStoreOptions {
  readonly root: string;
  /** Buckets are made on opening; there is no way to make one later. */
  readonly buckets: readonly string[];
  readonly clock: Pick<Clock, "now">;
}

export async function openFsObjectStore(options: FsObjectStoreOptions): Promise<ObjectStore> {
  const buckets = new Map<string, FsBucket>();
  const staging = await Staging.open(join(options.root, OWN_FOLDER, "staging"));
  for (const name of options.buckets) {
    if (!BUCKET_NAME.test(name))
      throw new ObjectStoreError("Internal", `${JSON.stringify(name)} is not a valid bucket name`);
    const bucket = new FsBucket(join(options.root, name), join(options.root, OWN_FOLDER, "meta", name), staging);
    await mkdir(bucket.data, { recursive: true });
    buckets.set(name, bucket);
  }
  await staging.clean(async (record, file) => buckets.get(record.bucket)?.adopt(record, file));
  return new FsObjectStore(buckets, staging, options.clock);
}

class FsObjectStore implements ObjectStore {
  readonly #buckets: ReadonlyMap<string, FsBucket>;
  readonly #staging: Staging;
  readonly #clock: Pick<Clock, "now">;

  constructor(buckets: ReadonlyMap<string, FsBucket>, staging: Staging, clock: Pick<Clock, "now">) {
    this.#buckets = buckets;
    this.#staging = staging;
    this.#clock = clock;
  }

  async put(bucket: string, key: string, body: Uint8Array | ObjectBody, options: PutOptions = {}): Promise<ObjectMeta> {
    const files = this.#bucket(bucket, options.signal);
    checkKey(key);
    return tellingNoSpace(async () => {
      const staged = await this.#staging.stage(body, options, this.#clock.now());
      return files.commit(key, staged, options);
    });
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<{ meta: ObjectMeta; body: ObjectBody }> {
    const files = this.#bucket(bucket, options.signal);
    checkKey(key);
    const { file, meta } = await files.open(key);
    const { start = 0, end = meta.size - 1 } = options.range ?? {};
    if (options.range !== undefined && (start < 0 || start >= meta.size || end < start)) {
      await file.close();
      throw new ObjectStoreError("InvalidRange", `the range does not lie in the object's ${meta.size} bytes`);
    }
    if (meta.size === 0) {
      await file.close();
      return { meta, body: (async function* () {})() };
    }
    // The end is fixed, so that a file that somebody appends to by hand does not grow under its own length.
    const body = file.createReadStream({
      start,
      end: Math.min(end, meta.size - 1),
      highWaterMark: READ_CHUNK,
      ...(options.signal && { signal: options.signal }),
    });
    // An abort before anyone reads must not be an uncaught "error" event: whoever reads later is told by the iterator.
    body.on("error", () => undefined);
    return { meta, body: leavable(body, () => body.destroy()) };
  }

  async head(bucket: string, key: string, options: { readonly signal?: AbortSignal } = {}): Promise<ObjectMeta> {
    const files = this.#bucket(bucket, options.signal);
    checkKey(key);
    const { file, meta } = await files.open(key);
    await file.close();
    return meta;
  }

  async delete(bucket: string, key: string, options: DeleteOptions = {}): Promise<void> {
    const files = this.#bucket(bucket, options.signal);
    checkKey(key);
    await files.delete(key, options);
  }

  async list(bucket: string, options: ListOptions = {}): Promise<ListPage> {
    const files = this.#bucket(bucket, options.signal);
    const { continuationToken, startAfter = "" } = options;
    const after = continuationToken === undefined ? startAfter : decodeToken(continuationToken);
    const { found, commonPrefixes, next } = await findPage(files.data, options, after);
    const objects: ObjectMeta[] = [];
    for (let at = 0; at < found.length; at += LIST_CONCURRENCY) {
      options.signal?.throwIfAborted();
      const metas = await Promise.all(
        found.slice(at, at + LIST_CONCURRENCY).map(({ key }) => headIfPresent(files, key)),
      );
      objects.push(...metas.filter((meta) => meta !== undefined));
    }
    return { objects, commonPrefixes, ...(next !== undefined && { nextContinuationToken: encodeToken(next) }) };
  }

  #bucket(name: string, signal: AbortSignal | undefined): FsBucket {
    signal?.throwIfAborted();
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new ObjectStoreError("NoSuchBucket", `there is no bucket ${JSON.stringify(name)}`);
    return bucket;
  }
}

/** An object that was deleted since its name was read is left out. */
async function headIfPresent(files: FsBucket, key: string): Promise<ObjectMeta | undefined> {
  try {
    const { file, meta } = await files.open(key);
    await file.close();
    return meta;
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "NotFound") return undefined;
    throw error;
  }
}
