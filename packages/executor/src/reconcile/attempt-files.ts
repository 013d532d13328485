import { fromBinary } from "@bufbuild/protobuf";
import { errorFile, outputsFile } from "@homeplane/idl";
import { ErrorDocumentSchema } from "@homeplane/idl/flyteidl2/core/execution";
import { type ObjectBody, type ObjectStore, ObjectStoreError, parseNativeUrl, readAll } from "@homeplane/object-store";
import { errorHead } from "./error-head.ts";
import type { AttemptFiles } from "./outcome.ts";

/** Of an error.pb past this only the start is read: its text could not be stored anywhere. */
const maxErrorBytes = 1 << 20;
const headBytes = 64 << 10;

/** Looks at what an attempt left behind. Throws when the store can not be asked: no verdict is better than a wrong one. */
export async function readAttemptFiles(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<AttemptFiles> {
  const [error, outputs] = await Promise.all([
    readError(store, prefix, signal),
    exists(store, `${prefix}/${outputsFile}`, signal),
  ]);
  return { outputs, ...(error === undefined ? {} : { error }) };
}

async function readError(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<AttemptFiles["error"]> {
  const { bucket, key } = parseNativeUrl(`${prefix}/${errorFile}`);
  try {
    const { meta, body } = await store.get(bucket, key, { signal });
    if (meta.size > maxErrorBytes) return { tooLarge: meta.size, ...errorHead(await startOf(body)) };
    return decode(await readAll(body, maxErrorBytes));
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "NotFound") return undefined;
    throw error;
  }
}

async function startOf(body: ObjectBody): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= headBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, headBytes);
}

function decode(bytes: Uint8Array): AttemptFiles["error"] {
  try {
    return fromBinary(ErrorDocumentSchema, bytes).error ?? "unreadable";
  } catch {
    return "unreadable";
  }
}

export async function exists(store: ObjectStore, url: string, signal: AbortSignal): Promise<boolean> {
  const { bucket, key } = parseNativeUrl(url);
  try {
    await store.head(bucket, key, { signal });
    return true;
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "NotFound") return false;
    throw error;
  }
}
