import { type Logger, messageOf } from "@homeplane/runtime-kit";

/** `uid` and `version` stay beside the projection, which may have dropped them. */
export interface Entry<P> {
  readonly object: P;
  readonly uid: string | undefined;
  readonly version: string | undefined;
}

export interface Change<P> {
  readonly type: "added" | "updated" | "deleted";
  readonly key: string;
  readonly object: P;
  readonly previous?: P;
}

export type Indexes<P> = Readonly<Record<string, (object: P) => readonly string[]>>;

/** Entries by key and by index, and those who want to know. Listeners hear every change, in order, after it is in the store. */
export class InformerStore<P> {
  readonly #entries = new Map<string, Entry<P>>();
  readonly #indexes: { readonly valuesOf: (object: P) => readonly string[]; readonly keys: Map<string, Set<string>> }[];
  readonly #indexNames: readonly string[];
  readonly #listeners = new Set<(change: Change<P>) => void>();
  readonly #log: Logger;

  constructor(indexes: Indexes<P>, log: Logger) {
    this.#indexNames = Object.keys(indexes);
    this.#indexes = Object.values(indexes).map((valuesOf) => ({ valuesOf, keys: new Map<string, Set<string>>() }));
    this.#log = log;
  }

  get(key: string): Entry<P> | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<[string, Entry<P>]> {
    return this.#entries.entries();
  }

  list(): P[] {
    return Array.from(this.#entries.values(), (entry) => entry.object);
  }

  byIndex(index: string, value: string): P[] {
    const found = this.#indexes[this.#indexNames.indexOf(index)];
    if (found === undefined) throw new RangeError(`the informer has no index ${JSON.stringify(index)}`);
    return Array.from(found.keys.get(value) ?? [], (key) => this.#entries.get(key)).flatMap((e) =>
      e ? [e.object] : [],
    );
  }

  /** An object of another uid is another object: the old one is deleted first. */
  set(key: string, entry: Entry<P>): void {
    const before = this.#entries.get(key);
    if (before !== undefined && before.uid !== entry.uid) this.delete(key);
    const previous = this.#entries.get(key);
    if (previous !== undefined) this.#unindex(key, previous.object);
    this.#entries.set(key, entry);
    this.#index(key, entry.object);
    if (previous === undefined) this.#tell({ type: "added", key, object: entry.object });
    else this.#tell({ type: "updated", key, object: entry.object, previous: previous.object });
  }

  /** `last` is the object as it was at its end, when that is known. */
  delete(key: string, last?: P): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#unindex(key, entry.object);
    this.#tell({ type: "deleted", key, object: last ?? entry.object, previous: entry.object });
  }

  listen(listener: (change: Change<P>) => void): () => void {
    for (const [key, { object }] of [...this.#entries]) this.#call(listener, { type: "added", key, object });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: Change<P>): void {
    for (const listener of [...this.#listeners]) this.#call(listener, change);
  }

  /** A listener that throws must not keep the others, or the store, from going on. */
  #call(listener: (change: Change<P>) => void, change: Change<P>): void {
    try {
      listener(change);
    } catch (error) {
      this.#log.error({ event: "informer.listener_failed", key: change.key, error: messageOf(error), err: error });
    }
  }

  #index(key: string, object: P): void {
    for (const { valuesOf, keys } of this.#indexes) {
      for (const value of valuesOf(object)) {
        const set = keys.get(value);
        if (set === undefined) keys.set(value, new Set([key]));
        else set.add(key);
      }
    }
  }

  #unindex(key: string, object: P): void {
    for (const { valuesOf, keys } of this.#indexes) {
      for (const value of valuesOf(object)) {
        const set = keys.get(value);
        set?.delete(key);
        if (set?.size === 0) keys.delete(value);
      }
    }
  }
}
