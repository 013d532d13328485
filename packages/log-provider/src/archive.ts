/** Archived logs: one object per container, `<RFC 3339 time> <content>\n` per line, as the Kubernetes API gave it. */
import { logKey, runPrefix } from "@homeplane/idl";
import { type ObjectBody, type ObjectStore, ObjectStoreError } from "@homeplane/object-store";
import type { ActionAttempt } from "./task-pod.ts";

export interface ArchiveLocation {
  readonly store: ObjectStore;
  readonly bucket: string;
}

export interface ArchivedContainer {
  readonly pod: string;
  readonly container: string;
  readonly key: string;
}

/** More pods than an attempt can have. */
const MAX_PAGES = 100;
const SUFFIX = ".log";

/** What is archived of an attempt, in order of the keys. */
export async function listArchive(
  { store, bucket }: ArchiveLocation,
  { scope, action, attempt }: ActionAttempt,
  signal: AbortSignal,
): Promise<ArchivedContainer[]> {
  const prefix = `${runPrefix(scope)}/${action}/${attempt}/logs/`;
  const found: ArchivedContainer[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const more = token === undefined ? {} : { continuationToken: token };
    const { objects, nextContinuationToken } = await store.list(bucket, { prefix, signal, ...more });
    for (const { key } of objects) {
      const name = key.slice(prefix.length, -SUFFIX.length);
      // A container's name has no dot in it, a pod's may have.
      const dot = name.lastIndexOf(".");
      if (!key.endsWith(SUFFIX) || dot <= 0) continue;
      found.push({ pod: name.slice(0, dot), container: name.slice(dot + 1), key });
    }
    token = nextContinuationToken;
    if (token === undefined) break;
  }
  return found;
}

/** User metadata of the object: whose it is, and whether something is missing at its end. */
export interface ArchiveNote {
  readonly uid: string;
  readonly incomplete?: boolean;
}

const metadataOf = ({ uid, incomplete = false }: ArchiveNote): Record<string, string> => ({
  "pod-uid": uid,
  complete: String(!incomplete),
});

export async function isArchived(
  { store, bucket }: ArchiveLocation,
  key: string,
  uid: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { metadata } = await store.head(bucket, key, { signal });
    return metadata["pod-uid"] === uid && metadata["complete"] === "true";
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

export async function putArchive(
  { store, bucket }: ArchiveLocation,
  key: string,
  body: ObjectBody | Uint8Array,
  note: ArchiveNote,
  signal: AbortSignal,
): Promise<void> {
  await store.put(bucket, key, body, { contentType: "text/plain", metadata: metadataOf(note), signal });
}

/** Undefined when there is none. */
export async function openArchive(
  { store, bucket }: ArchiveLocation,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly body: ObjectBody; readonly incomplete: boolean } | undefined> {
  try {
    const { meta, body } = await store.get(bucket, key, { signal });
    return { body, incomplete: meta.metadata["complete"] === "false" };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export function archiveKey({ scope, action, attempt }: ActionAttempt, pod: string, container: string): string {
  return logKey(scope, action, attempt, pod, container);
}

const isAbsent = (error: unknown): boolean => error instanceof ObjectStoreError && error.code === "NotFound";
