import { DatabaseSync, type StatementSync } from "node:sqlite";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import { changeOf, keyOf, storedOf } from "./rows.ts";
import type { Change, Commit, ListQuery, ObjectKey, Store, Stored, StoreWatch, WatchQuery, Write } from "./store.ts";
import { createTables, STORE_VERSION } from "./tables.ts";
import { WatchHub } from "./watch-hub.ts";
import { prepareWriter, type Writer } from "./writer.ts";

export interface StoreOptions {
  /** A file, or ":memory:". Its folder must exist. */
  readonly path: string;
  /** How many changes, and how many bytes of them, the log keeps for watches. Default 10,000 and 64 MiB. */
  readonly keepChanges?: number;
  readonly keepBytes?: number;
}

/** https://www.sqlite.org/rescode.html#corrupt, #notadb */
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/** Opens (and creates) the store. One process at a time may hold a file: SQLite's exclusive locking mode says so. */
export function openStore(options: StoreOptions): Store {
  const db = new DatabaseSync(options.path);
  try {
    return new SqliteStore(db, options.keepChanges ?? 10_000, options.keepBytes ?? 64 * 1024 * 1024);
  } catch (error) {
    db.close();
    if (error instanceof HomeplaneError) throw error;
    const { errcode } = error as { errcode?: number };
    const next =
      errcode === sqliteCorrupt || errcode === sqliteNotADatabase
        ? "Put back a copy of the file, or choose another data folder; `homeplane reset` gives all in it up."
        : "Stop the other process that uses this data folder, or choose another folder.";
    const message = `The store ${options.path} can not be opened: ${messageOf(error)}`;
    throw new HomeplaneError("KUBE_STORE_UNUSABLE", message, next, { cause: error });
  }
}

/** WAL with synchronous=NORMAL: safe against a kill at any point, not against loss of power (the last commits may be lost, never torn). */
class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #writer: Writer;
  readonly #hub = new WatchHub();
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, keepChanges: number, keepBytes: number) {
    this.#db = db;
    // A checkpoint waits for the disk, and everybody with it: rather one for 32 MB of log than one for each 4.
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000;",
    );
    const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
    if (version === 0) {
      db.exec("BEGIN IMMEDIATE");
      createTables(db);
      db.exec("COMMIT");
    } else if (version !== STORE_VERSION) {
      throw new HomeplaneError(
        "KUBE_STORE_VERSION",
        `The store has format ${version}; this program reads format ${STORE_VERSION}.`,
        "Use the version of the program that wrote it, or another data folder.",
      );
    }
    this.#writer = prepareWriter(db, { keepChanges, keepBytes });
  }

  get revision(): number {
    return this.#writer.revision;
  }

  get compacted(): number {
    return this.#writer.compacted;
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  async get(key: ObjectKey): Promise<Stored | undefined> {
    const sql = "SELECT * FROM objects WHERE resource = ? AND namespace = ? AND name = ?";
    const row = this.#prepare(sql).get(key.resource, key.namespace, key.name);
    return row === undefined ? undefined : storedOf(row);
  }

  async list(query: ListQuery): Promise<{ revision: number; items: readonly Stored[]; more: boolean }> {
    const { resource, namespace, limit } = query;
    const after = query.after ?? { namespace: "", name: "" };
    const select = "SELECT resource, namespace, name, revision, selectable, value FROM objects WHERE resource = ?";
    const rows =
      namespace === undefined
        ? this.#prepare(`${select} AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?`).all(
            resource,
            after.namespace,
            after.name,
            limit + 1,
          )
        : this.#prepare(`${select} AND namespace = ? AND name > ? ORDER BY name LIMIT ?`).all(
            resource,
            namespace,
            after.name,
            limit + 1,
          );
    const more = rows.length > limit;
    return { revision: this.revision, items: rows.slice(0, limit).map(storedOf), more };
  }

  async commit(writes: readonly Write[]): Promise<Commit> {
    const result = this.#writer.commit(writes);
    if (result.ok && result.changes.length > 0) {
      this.#hub.publish(result.changes);
      for (const listener of this.#listeners) listener(result.changes);
    }
    return result;
  }

  watch(query: WatchQuery): StoreWatch {
    const writer = this.#writer;
    const read = (wanted: WatchQuery, after: number, limit: number): readonly Change[] => {
      const where = ["revision > ?"];
      const values: (string | number)[] = [after];
      if (wanted.resource !== undefined) {
        where.push("resource = ?");
        values.push(wanted.resource);
      }
      if (wanted.namespace !== undefined) {
        where.push("namespace = ?");
        values.push(wanted.namespace);
      }
      const sql = `SELECT * FROM changes WHERE ${where.join(" AND ")} ORDER BY revision LIMIT ?`;
      return this.#prepare(sql)
        .all(...values, limit)
        .map(changeOf);
    };
    return this.#hub.open(query, {
      get revision() {
        return writer.revision;
      },
      get compacted() {
        return writer.compacted;
      },
      read,
    });
  }

  onCommit(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async hasUid(uid: string): Promise<boolean> {
    return this.#prepare("SELECT 1 FROM objects WHERE uid = ? LIMIT 1").get(uid) !== undefined;
  }

  async dependentsOf(uid: string, limit: number): Promise<readonly ObjectKey[]> {
    const sql = "SELECT resource, namespace, name FROM owners JOIN objects USING (id) WHERE owner = ? LIMIT ?";
    return this.#prepare(sql).all(uid, limit).map(keyOf);
  }

  async dangling(limit: number): Promise<readonly ObjectKey[]> {
    const sql = `SELECT DISTINCT o.resource, o.namespace, o.name FROM owners w JOIN objects o ON o.id = w.id
      WHERE NOT EXISTS (SELECT 1 FROM objects p WHERE p.uid = w.owner) LIMIT ?`;
    return this.#prepare(sql).all(limit).map(keyOf);
  }

  async namespaceIsEmpty(namespace: string): Promise<boolean> {
    return (
      this.#prepare("SELECT 1 FROM objects WHERE namespace = ? AND namespace <> '' LIMIT 1").get(namespace) ===
      undefined
    );
  }

  async close(): Promise<void> {
    this.#hub.closeAll();
    this.#db.close();
  }
}
