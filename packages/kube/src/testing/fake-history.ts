import type { KubeObject } from "../meta.ts";

export interface Revision {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly key: string;
  readonly object: KubeObject;
}

/** All revisions of a store with versions, as etcd keeps them until they are compacted. */
export class FakeHistory {
  #revisions: Revision[] = [];
  #version = 100;
  /** Lists of and watches from before this answer 410. */
  #floor = 100;
  #uids = 0;
  readonly #used = new Set<string>();

  get version(): number {
    return this.#version;
  }

  get floor(): number {
    return this.#floor;
  }

  get last(): Revision | undefined {
    return this.#revisions.at(-1);
  }

  at(version: number): Map<string, KubeObject> {
    const objects = new Map<string, KubeObject>();
    for (const revision of this.#revisions) {
      if (revision.version > version) break;
      if (revision.type === "DELETED") objects.delete(revision.key);
      else objects.set(revision.key, revision.object);
    }
    return new Map([...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  after(version: number): Revision[] {
    return this.#revisions.filter((revision) => revision.version > version);
  }

  put(key: string, object: KubeObject): Revision {
    const before = this.at(this.#version).get(key);
    this.#nextVersion(key);
    const uid = before?.metadata.uid ?? `uid-${this.#uids++}`;
    const metadata = { ...object.metadata, uid, resourceVersion: String(this.#version) };
    return this.#append(before === undefined ? "ADDED" : "MODIFIED", key, { ...object, metadata });
  }

  remove(key: string): Revision | undefined {
    const before = this.at(this.#version).get(key);
    if (before === undefined) return undefined;
    this.#nextVersion(key);
    const metadata = { ...before.metadata, resourceVersion: String(this.#version) };
    return this.#append("DELETED", key, { ...before, metadata });
  }

  compact(): void {
    this.#floor = this.#version;
  }

  /** As after the restore of a backup: other contents, lower versions. */
  goBack(version: number): void {
    this.#revisions = this.#revisions.filter((revision) => revision.version <= version);
    this.#version = Math.max(100, Math.min(version, this.#version));
    this.#floor = Math.min(this.#floor, this.#version);
  }

  /** No version of an object ever has two contents, whatever was restored: nobody could tell them apart. */
  #nextVersion(key: string): void {
    do this.#version++;
    while (this.#used.has(`${key}@${this.#version}`));
    this.#used.add(`${key}@${this.#version}`);
  }

  #append(type: Revision["type"], key: string, object: KubeObject): Revision {
    const revision = { version: this.#version, type, key, object };
    this.#revisions.push(revision);
    return revision;
  }
}
