import type { KubeObject, Selectable } from "./object.ts";

/** `resource` is `pods` or, outside the core group, `leases.coordination.k8s.io`; `namespace` is "" for cluster-scoped ones. */
export interface ObjectKey {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** A committed state. `json` already carries `metadata.resourceVersion` = `revision`. */
export interface Stored extends ObjectKey {
  readonly revision: number;
  readonly selectable: Selectable;
  readonly json: string;
}

/** One entry of the change log. `previous` is there only when selectors could see a difference to the state before. */
export interface Change extends Stored {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly previous?: { readonly selectable: Selectable; readonly json: string };
}

/**
 * One write of a transaction. `expected` is the revision that the object must have (0 = must not exist); a mismatch makes
 * the whole transaction fail. `check` only compares. `delete` records `object` as the last state in the change log.
 */
export type Write =
  | {
      readonly op: "put";
      readonly key: ObjectKey;
      readonly expected: number;
      readonly object: KubeObject;
      readonly selectable: Selectable;
    }
  | {
      readonly op: "delete";
      readonly key: ObjectKey;
      readonly expected: number;
      readonly object: KubeObject;
      readonly selectable: Selectable;
    }
  | { readonly op: "check"; readonly key: ObjectKey; readonly expected: number };

export type Commit =
  | { readonly ok: true; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly conflict: ObjectKey };

export interface ListQuery {
  readonly resource: string;
  /** Absent = all namespaces. */
  readonly namespace?: string;
  /** Exclusive start, in (namespace, name) order. */
  readonly after?: { readonly namespace: string; readonly name: string };
  readonly limit: number;
}

export interface WatchQuery {
  /** Absent = everything. */
  readonly resource?: string;
  readonly namespace?: string;
  /** Changes with a greater revision are delivered. */
  readonly after: number;
}

/** The change log no longer reaches back to where a watch stands: Kubernetes' 410 Expired. */
export class ExpiredError extends Error {
  override readonly name = "ExpiredError";
}

export interface StoreWatch {
  /** All changes up to and including this revision have been returned by {@link next}. */
  readonly position: number;
  /** The next changes in order; empty after {@link poke} or {@link close}. Throws {@link ExpiredError}. One call at a time. */
  next(): Promise<readonly Change[]>;
  poke(): void;
  close(): void;
}

export interface Store {
  /** The newest committed revision; 0 when nothing was ever written. Grows by one with each put or delete, over restarts too. */
  readonly revision: number;
  /** Watches can start at this revision or later. */
  readonly compacted: number;
  get(key: ObjectKey): Promise<Stored | undefined>;
  list(
    query: ListQuery,
  ): Promise<{ readonly revision: number; readonly items: readonly Stored[]; readonly more: boolean }>;
  /** All or nothing. */
  commit(writes: readonly Write[]): Promise<Commit>;
  watch(query: WatchQuery): StoreWatch;
  /** Calls `listener` synchronously after each commit; it must not throw. The returned function unsubscribes. */
  onCommit(listener: (changes: readonly Change[]) => void): () => void;
  hasUid(uid: string): Promise<boolean>;
  /** Objects with an ownerReference to `uid`. */
  dependentsOf(uid: string, limit: number): Promise<readonly ObjectKey[]>;
  /** Objects with an ownerReference to something that does not exist. */
  dangling(limit: number): Promise<readonly ObjectKey[]>;
  namespaceIsEmpty(namespace: string): Promise<boolean>;
  close(): Promise<void>;
}
