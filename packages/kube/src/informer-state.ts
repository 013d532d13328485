/**
 * What the informer believes, and how events and lists change it. Two watches may feed it at once (one takes over from the
 * other), lists are older than watches that ran meanwhile, and servers lose and repeat events; so nothing is taken for new by
 * its time of arrival, only by its resource version. Invariant: an object never goes back to an older version, but when the
 * server itself went back (restored from a backup, or a fresh embedded one): then its list is the truth.
 */
import { type Logger, messageOf } from "@homeplane/runtime-kit";
import type { Entry, InformerStore } from "./informer-store.ts";
import { type KubeObject, keyOf } from "./meta.ts";
import { compareVersions } from "./resource-version.ts";
import type { WatchEvent } from "./stream.ts";

/** A list on its way in. `since`: the version before it was asked for; `deleted` is what the watches deleted meanwhile: an older snapshot must not bring it back. */
export interface Snapshot<P> {
  readonly items: Map<string, Entry<P>>;
  readonly deleted: Map<string, string | undefined>;
  readonly since: string | undefined;
}

export class InformerState<T extends KubeObject, P> {
  readonly #store: InformerStore<P>;
  readonly #project: (object: T) => P;
  readonly #log: Logger;
  #snapshot: Snapshot<P> | undefined;
  /** All up to here is in the store. */
  #version: string | undefined;

  constructor(store: InformerStore<P>, project: (object: T) => P, log: Logger) {
    this.#store = store;
    this.#project = project;
    this.#log = log;
  }

  /** Where a new watch may start without missing anything. */
  get version(): string | undefined {
    return this.#version;
  }

  apply(event: WatchEvent<T>): void {
    const { metadata } = event.object;
    const version = metadata.resourceVersion;
    if (event.type !== "BOOKMARK") this.#applyObject(event, keyOf(metadata), version);
    const order = compareVersions(version, this.#version);
    if (version !== undefined && (order === undefined || order > 0)) this.#version = version;
  }

  #applyObject(event: WatchEvent<T>, key: string, version: string | undefined): void {
    const known = this.#store.get(key);
    if (event.type === "DELETED") {
      this.#snapshot?.deleted.set(key, version);
      // Equal is not newer, but some servers send the last version of the object instead of that of its deletion.
      if (known === undefined || isOlder(version, known.version)) return;
      const last = this.#entry(event.object);
      this.#store.delete(key, known.uid === last?.uid ? last?.object : undefined);
      return;
    }
    // Without an entry, an old event is one of an object that is gone already.
    const order = compareVersions(version, known === undefined ? this.#version : known.version);
    if (order !== undefined && order <= 0) return;
    const entry = this.#entry(event.object);
    if (entry !== undefined) this.#store.set(key, entry);
  }

  begin(): void {
    this.#snapshot = { items: new Map(), deleted: new Map(), since: this.#version };
  }

  abandon(): void {
    this.#snapshot = undefined;
  }

  /** One page of the list. What the store has in the same version already is not kept twice. */
  add(items: readonly T[]): void {
    for (const item of items) {
      const key = keyOf(item.metadata);
      const known = this.#store.get(key);
      const { uid, resourceVersion } = item.metadata;
      const same = known !== undefined && resourceVersion !== undefined && known.version === resourceVersion;
      const entry = same && known.uid === uid ? known : this.#entry(item);
      if (entry !== undefined) this.#snapshot?.items.set(key, entry);
    }
  }

  /** Whether the list is older than what was in the store before it was asked for: the server went back in time. */
  wentBack(version: string): boolean {
    return isOlder(version, this.#snapshot?.since);
  }

  /** The list is complete: makes the store equal to it, but for what the watches know to be newer. Adds, updates and deletes. */
  finish(version: string): { changed: number } {
    const wentBack = this.wentBack(version);
    const items = this.#snapshot?.items ?? new Map<string, Entry<P>>();
    const deleted = this.#snapshot?.deleted ?? new Map<string, string | undefined>();
    this.#snapshot = undefined;
    let changed = 0;
    for (const [key, { version: known }] of [...this.#store.entries()]) {
      if (items.has(key) || (!wentBack && isOlder(version, known))) continue;
      this.#store.delete(key);
      changed++;
    }
    for (const [key, entry] of items) {
      const known = this.#store.get(key);
      if (known === entry || (known !== undefined && known.version === entry.version && known.uid === entry.uid))
        continue;
      // What happened after the snapshot the watches know better; what they claim from before it and it does not show is wrong.
      const since = known === undefined ? deleted.get(key) : known.version;
      if (!wentBack && isOlder(version, since)) continue;
      this.#store.set(key, entry);
      changed++;
    }
    const order = compareVersions(version, this.#version);
    if (wentBack || order === undefined || order > 0) this.#version = version;
    return { changed };
  }

  /** Undefined when the projection throws: one object that can not be understood must not hide all others. */
  #entry(object: T): Entry<P> | undefined {
    const { uid, resourceVersion: version } = object.metadata;
    try {
      return { object: this.#project(object), uid, version };
    } catch (error) {
      this.#log.error({
        event: "informer.project_failed",
        key: keyOf(object.metadata),
        error: messageOf(error),
        err: error,
      });
      return undefined;
    }
  }
}

/** False also when they can not be compared. */
function isOlder(a: string | undefined, b: string | undefined): boolean {
  const order = compareVersions(a, b);
  return order !== undefined && order < 0;
}
