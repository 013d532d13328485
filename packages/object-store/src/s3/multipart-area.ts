/**
 * Uploads in parts, on a folder beside the store:
 *   <area>/<upload id>/upload.json      bucket, key and what the object will be described by
 *   <area>/<upload id>/<number>.<md5>   a part, complete (it gets this name by rename)
 *   <area>/<upload id>/done.json        the upload was completed: its result, so that completing again has the same answer
 * Parts are joined by one streamed `put`, so any store will do and an object is visible whole or not at all.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@homeplane/runtime-kit";
import { ObjectStoreError } from "../error.ts";
import { errnoOf, isAbsent, tellingNoSpace } from "../fs/errno.ts";
import type { ObjectBody } from "../port.ts";
import { compareUtf8 } from "../fs/utf8-order.ts";
import { S3Error } from "./error.ts";
import type { Description } from "./headers.ts";

const ABANDONED_MS = 24 * 60 * 60 * 1000;
const CLEANING_MS = 60 * 60 * 1000;
const READ_CHUNK = 256 * 1024;

export interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly described: Description;
}

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly path: string;
}

export class MultipartArea {
  readonly #root: string;
  readonly #clock: Pick<Clock, "now">;
  #count = 0;
  #cleanedMs: number;

  private constructor(root: string, clock: Pick<Clock, "now">) {
    this.#root = root;
    this.#clock = clock;
    this.#cleanedMs = clock.now();
  }

  /** Removes what nobody has completed for a day, what was cut off while it was begun, and parts whose writing was cut off. */
  static async open(root: string, clock: Pick<Clock, "now">): Promise<MultipartArea> {
    await mkdir(root, { recursive: true });
    const area = new MultipartArea(root, clock);
    for (const id of await readdir(root)) {
      const path = join(root, id);
      const upload = await readJson<Upload>(join(path, "upload.json"));
      if (upload === undefined) await rm(path, { recursive: true, force: true });
      else for (const name of await readdir(path)) if (name.endsWith(".writing")) await rm(join(path, name));
    }
    await area.#removeAbandoned();
    return area;
  }

  async #removeAbandoned(): Promise<void> {
    this.#cleanedMs = this.#clock.now();
    for (const { id, initiatedMs } of await this.#uploads())
      if (this.#cleanedMs - initiatedMs > ABANDONED_MS) await this.remove(id);
  }

  async create(upload: Omit<Upload, "initiatedMs">): Promise<string> {
    if (this.#clock.now() - this.#cleanedMs > CLEANING_MS) await this.#removeAbandoned();
    // Unguessable, though every request is authenticated anyway.
    const id = randomBytes(24).toString("base64url");
    const folder = join(this.#root, id);
    const text = JSON.stringify({ ...upload, initiatedMs: this.#clock.now() });
    try {
      await tellingNoSpace(async () => {
        await mkdir(folder);
        await writeFile(join(folder, "upload.json"), text);
      });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return id;
  }

  /** Those that are neither completed nor aborted, by key and then by age. */
  async underWay(bucket: string): Promise<(Upload & { readonly id: string })[]> {
    const all = (await this.#uploads()).filter((upload) => upload.bucket === bucket);
    const open = await Promise.all(all.map(async ({ id }) => (await this.resultOf(id)) === undefined));
    return all.filter((_, i) => open[i]).sort((a, b) => compareUtf8(a.key, b.key) || a.initiatedMs - b.initiatedMs);
  }

  async #uploads(): Promise<(Upload & { readonly id: string })[]> {
    const ids = await readdir(this.#root);
    const found = ids.map(async (id) => {
      const upload = await readJson<Upload>(join(this.#root, id, "upload.json"));
      return upload === undefined ? [] : [{ ...upload, id }];
    });
    return (await Promise.all(found)).flat();
  }

  /** Throws `NoSuchUpload` also when the upload is one of another object. */
  async find(id: string, bucket: string, key: string): Promise<Upload> {
    const upload = /^[A-Za-z0-9_-]{32}$/.test(id)
      ? await readJson<Upload>(join(this.#root, id, "upload.json"))
      : undefined;
    if (upload?.bucket !== bucket || upload.key !== key) {
      throw new S3Error("NoSuchUpload", "The specified upload does not exist; it may have been aborted or completed");
    }
    return upload;
  }

  /** The etag, which is the part's MD5. A part of the same number is replaced. */
  writePart(id: string, number: number, body: ObjectBody, contentMd5?: Uint8Array): Promise<string> {
    return tellingNoSpace(() => this.#writePart(id, number, body, contentMd5));
  }

  async #writePart(id: string, number: number, body: ObjectBody, contentMd5?: Uint8Array): Promise<string> {
    const folder = join(this.#root, id);
    this.#count += 1;
    const path = join(folder, `${number}.${this.#count}.writing`);
    try {
      const hash = createHash("md5");
      await using file = await open(path, "wx");
      for await (const chunk of body) {
        hash.update(chunk);
        for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
      }
      const digest = hash.digest();
      if (contentMd5 !== undefined && !digest.equals(contentMd5)) {
        throw new ObjectStoreError("BadDigest", "the body's MD5 is not the one that was given");
      }
      const name = `${number}.${digest.toString("hex")}`;
      const older = (await readdir(folder)).filter((other) => isPart(other, number) && other !== name);
      await rename(path, join(folder, name));
      for (const other of older) await rm(join(folder, other), { force: true });
      return digest.toString("hex");
    } catch (error) {
      await rm(path, { force: true });
      if (errnoOf(error) === "ENOENT")
        throw new S3Error("NoSuchUpload", "the upload ended meanwhile", { cause: error });
      throw error;
    }
  }

  /** In order of number. */
  async parts(id: string): Promise<Part[]> {
    const names = (await readdir(join(this.#root, id))).filter((name) => isPart(name));
    const parts = names.map(async (name) => {
      const path = join(this.#root, id, name);
      const { size, mtime } = await stat(path);
      const [number, etag = ""] = name.split(".");
      return { number: Number(number), etag, size, lastModified: mtime, path };
    });
    return (await Promise.all(parts)).sort((a, b) => a.number - b.number);
  }

  /** The etag of an upload that was completed before. */
  async resultOf(id: string): Promise<string | undefined> {
    return (await readJson<{ etag: string }>(join(this.#root, id, "done.json")))?.etag;
  }

  /** Keeps the result for a day, and drops the bytes. */
  async finish(id: string, etag: string): Promise<void> {
    const parts = await this.parts(id);
    await tellingNoSpace(() => writeFile(join(this.#root, id, "done.json"), JSON.stringify({ etag })));
    for (const { path } of parts) await rm(path, { force: true });
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#root, id), { recursive: true, force: true });
  }
}

export async function* joined(parts: readonly Part[]): ObjectBody {
  for (const { path } of parts) yield* createReadStream(path, { highWaterMark: READ_CHUNK });
}

function isPart(name: string, number?: number): boolean {
  const parts = /^(\d+)\.[0-9a-f]{32}$/.exec(name);
  return parts !== null && (number === undefined || Number(parts[1]) === number);
}

/** Undefined when there is none, or it was cut off while it was written. */
async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if (isAbsent(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
