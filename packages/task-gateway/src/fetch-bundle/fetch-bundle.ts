import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { askForBundle } from "./ask.ts";
import { FetchError, open, withRetries } from "./http.ts";
import { ArchiveError } from "./tar.ts";
import { unpack } from "./unpack.ts";

export interface FetchOptions {
  /** `https://host:port` of task-gateway. */
  readonly gateway: string;
  /** Read anew for each try: it changes while the pod lives. */
  readonly readToken: () => Promise<string>;
  /** PEM; of the gateway and of the object store. */
  readonly ca: string | undefined;
  readonly kind: "tgz" | "pkl";
  /** Is made when it is not there. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface Fetched {
  readonly name: string;
  readonly bytes: number;
  readonly ms: number;
}

/** Group and all: the task's container may run as another user of the pod's group. */
const fileMode = 0o664;

export async function fetchBundle(options: FetchOptions): Promise<Fetched> {
  const begun = performance.now();
  if (!/^https?:$/.test(URL.parse(options.gateway)?.protocol ?? ""))
    throw new FetchError(`--gateway: "${options.gateway}" is no address such as https://task-gateway:8443`, "final");
  await mkdir(options.folder, { recursive: true });
  const fetched = await withRetries(() => fetchOnce(options), isFinal, options.signal);
  return { ...fetched, ms: Math.round(performance.now() - begun) };
}

function isFinal(error: unknown): boolean {
  if (error instanceof FetchError) return error.kind === "final";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // What zlib and the file system refuse, they refuse again; a token that is not there at the start never comes.
  return error instanceof ArchiveError || code.startsWith("Z_") || ["ENOSPC", "EACCES", "ENOENT"].includes(code);
}

/** A URL is asked for anew at each try: it does not live long. */
async function fetchOnce({ folder, kind, ca, ...options }: FetchOptions): Promise<{ name: string; bytes: number }> {
  const { signedUrl, nativeUrl, md5 } = await askForBundle({ ...options, ca });
  const name = basename(nativeUrl);
  const response = await open(signedUrl, { method: "GET", ca, signal: options.signal });
  const part = join(folder, `.${name}.part`);
  try {
    const bytes = await store(response, part, kind === "tgz" ? folder : undefined, md5, nativeUrl);
    // As the SDK leaves it: the archive, and a mark that it is unpacked.
    await rename(part, join(folder, name));
    if (kind === "tgz") await writeFile(join(folder, `.${name}.extracted`), "", { mode: fileMode });
    return { name, bytes };
  } finally {
    await rm(part, { force: true });
  }
}

/** Written, hashed and unpacked in one go; resolves with its length when all of it was right. */
async function store(
  body: Readable,
  file: string,
  unpackTo: string | undefined,
  md5: string,
  url: string,
): Promise<number> {
  const hash = createHash("md5");
  let bytes = 0;
  const copies: PassThrough[] = [];
  const write = pipeline(copy(copies), createWriteStream(file, { mode: fileMode }));
  const unpacked = unpackTo === undefined ? undefined : unpackGzip(copy(copies), unpackTo);
  const read = pipeline(body, async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      hash.update(chunk);
      bytes += chunk.length;
      for (const one of copies) if (!one.write(chunk)) await drained(one);
    }
    for (const one of copies) one.end();
  });
  const all = [read, write, ...(unpacked === undefined ? [] : [unpacked])];
  await Promise.all(all).catch(async (error: unknown) => {
    for (const one of copies) one.destroy();
    body.destroy();
    await Promise.allSettled(all);
    throw error;
  });
  const found = hash.digest("hex");
  if (md5 !== "" && found !== md5)
    throw new FetchError(`${url} has the MD5 digest ${found}, its address says ${md5}: it was changed or cut`, "final");
  return bytes;
}

/** Or closed: a copy whose reader has failed never drains. */
function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    stream.once("drain", resolve).once("close", resolve);
  });
}

function copy(copies: PassThrough[]): PassThrough {
  const stream = new PassThrough();
  copies.push(stream);
  return stream;
}

async function unpackGzip(source: PassThrough, folder: string): Promise<void> {
  const gunzip = createGunzip();
  await Promise.all([pipeline(source, gunzip), unpack(gunzip, folder)]);
}
