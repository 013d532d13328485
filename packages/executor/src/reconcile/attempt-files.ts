import { fromBinary } from "@bufbuild/protobuf";
import { errorFile, outputsFile } from "@homeplane/idl";
import { ErrorDocumentSchema } from "@homeplane/idl/flyteidl2/core/execution";
import { type ObjectStore, ObjectStoreError, parseNativeUrl, readAll } from "@homeplane/object-store";
import type { AttemptFiles } from "./outcome.ts";

/** An error.pb past this is not read: its text could not be stored anywhere. */
const maxErrorBytes = 1 << 20;

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
    const { body } = await store.get(bucket, key, { signal });
    return decode(await readAll(body, maxErrorBytes));
  } catch (error) {
    if (error instanceof ObjectStoreError && error.code === "NotFound") return undefined;
    if (error instanceof ObjectStoreError && error.code === "TooLarge") return "too large";
    throw error;
  }
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
