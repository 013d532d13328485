import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { CheckBuildRequest } from "@homeplane/idl/homeplane/v1/images";
import { ObjectStoreError, parseNativeUrl } from "@homeplane/object-store";
import { messageOf } from "@homeplane/runtime-kit";
import type { ImageBuilderOptions } from "./image-builder.ts";
import { pythonFolder } from "./build-task.ts";

/** A specification is some lines; a context holds files that are copied into the image. */
const maxBytes = { spec_uri: 1 << 20, context_uri: 256 << 20 } as const;
const timeoutMs = 30_000;

/** Each is a Python process and a context on the disk; a client asks for as many at a time as it has images. */
const maxAtOnce = 4;
const maxWaiting = 200;

/** Throws INVALID_ARGUMENT with what is missing: clients show the message of that code as it is. */
export function checkBuild(options: ImageBuilderOptions) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (request: CheckBuildRequest, { signal }: HandlerContext): Promise<object> => {
    if (waiting.length >= maxWaiting) throw new ConnectError("too many images are being checked", Code.Unavailable);
    if (running >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      signal.throwIfAborted();
      return await checkOne(options, request, signal);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

async function checkOne(
  options: ImageBuilderOptions,
  { specUri, contextUri }: CheckBuildRequest,
  signal: AbortSignal,
): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "homeplane-image-"));
  try {
    const spec = await fetchTo(options, "spec_uri", specUri, join(folder, "spec.pb"), signal);
    const context =
      contextUri === "" ? "" : await fetchTo(options, "context_uri", contextUri, join(folder, "context"), signal);
    const message = await askPython(options, spec, context, signal);
    if (message !== "") throw new ConnectError(message, Code.InvalidArgument);
    return {};
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchTo(
  { store, bucket, org }: ImageBuilderOptions,
  field: keyof typeof maxBytes,
  url: string,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  const refuse = (problem: string): ConnectError => new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
  let location: { bucket: string; key: string };
  try {
    location = parseNativeUrl(url);
  } catch {
    throw refuse(`"${url}" is no address of this store`);
  }
  if (location.bucket !== bucket || !location.key.startsWith(`${org}/`))
    throw refuse(`"${url}" is not where clients upload to`);
  try {
    const { meta, body } = await store.get(location.bucket, location.key, { signal });
    // The stream is made either way: one that is not read would hold the file open.
    const source = Readable.from(body);
    if (meta.size > maxBytes[field]) {
      source.destroy();
      throw refuse(`is ${meta.size} bytes, the limit is ${maxBytes[field]}`);
    }
    await pipeline(source, createWriteStream(file, { mode: 0o600 }), { signal });
    return file;
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "NotFound") throw refuse(`there is nothing at "${url}"`);
    throw error;
  }
}

async function askPython(
  { python, env }: ImageBuilderOptions,
  spec: string,
  context: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    const script = join(pythonFolder, "homeplane_image_check.py");
    const options = { env: { ...env }, signal, timeout: timeoutMs, maxBuffer: 1 << 20 };
    const { stdout } = await promisify(execFile)(python, ["-I", script, spec, context], options);
    return (JSON.parse(stdout) as { message: string }).message;
  } catch (error) {
    throw new ConnectError(
      `the image could not be compared with the Python environment of ${python}: ${messageOf(error)}`,
      Code.Internal,
      undefined,
      undefined,
      error,
    );
  }
}
