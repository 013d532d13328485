import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { ownersOf } from "./rows.ts";
import type { Selectable } from "./object.ts";
import type { Change, Commit, Write } from "./store.ts";

export interface Writer {
  readonly revision: number;
  readonly compacted: number;
  commit(writes: readonly Write[]): Commit;
}

/** The log is trimmed once per this many changes: deleting in runs is cheaper than one row at a time. */
const TRIM_EVERY = 64;

export function prepareWriter(db: DatabaseSync, limits: { keepChanges: number; keepBytes: number }): Writer {
  const one = (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
  let revision = one("SELECT max(revision) FROM changes");
  let oldest = one("SELECT min(revision) FROM changes");
  let bytes = one("SELECT sum(bytes) FROM changes INDEXED BY changes_resource");
  let untrimmed = 0;

  const find = db.prepare(
    "SELECT id, revision, selectable, owners FROM objects WHERE resource = ? AND namespace = ? AND name = ?",
  );
  const valueOf = db.prepare("SELECT value FROM objects WHERE id = ?");
  const insert = db.prepare(
    "INSERT INTO objects (resource, namespace, name, uid, revision, owners, selectable, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const update = db.prepare(
    "UPDATE objects SET uid = ?, revision = ?, owners = ?, selectable = ?, value = ? WHERE id = ?",
  );
  const remove = db.prepare("DELETE FROM objects WHERE id = ?");
  const addOwner = db.prepare("INSERT INTO owners (owner, id) VALUES (?, ?)");
  const dropOwners = db.prepare("DELETE FROM owners WHERE id = ?");
  const log = db.prepare("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const cut = db.prepare("SELECT bytes FROM changes WHERE revision = ?");
  const trim = db.prepare("DELETE FROM changes WHERE revision <= ?");

  const setOwners = (id: number | bigint, owners: string, had: string): void => {
    if (owners === had) return;
    if (had !== "") dropOwners.run(id);
    if (owners !== "") for (const owner of owners.split(" ")) addOwner.run(owner, id);
  };

  /** Applies one write and returns its change; undefined for a check; "conflict" when the expectation fails. */
  const apply = (write: Write, next: number): Change | undefined | "conflict" => {
    const { resource, namespace, name } = write.key;
    const row = find.get(resource, namespace, name);
    if (Number(row?.revision ?? 0) !== write.expected) return "conflict";
    if (write.op === "check") return undefined;
    const object = { ...write.object, metadata: { ...write.object.metadata, resourceVersion: String(next) } };
    const json = JSON.stringify(object);
    const selectable = JSON.stringify(write.selectable);
    const before = row === undefined ? undefined : String(row.selectable);
    let previous: Change["previous"];
    let previousJson: SQLInputValue = null;
    if (row !== undefined && before !== undefined && before !== selectable && write.op === "put") {
      previousJson = String(valueOf.get(row.id ?? null)?.value);
      previous = { selectable: JSON.parse(before) as Selectable, json: previousJson };
    }
    const type = write.op === "delete" ? "DELETED" : row === undefined ? "ADDED" : "MODIFIED";
    const owners = ownersOf(object);
    const uid = object.metadata.uid ?? "";
    if (row === undefined) {
      const made = insert.run(resource, namespace, name, uid, next, owners, selectable, json);
      setOwners(made.lastInsertRowid, owners, "");
    } else if (write.op === "delete") {
      setOwners(Number(row.id), "", String(row.owners));
      remove.run(row.id ?? null);
    } else {
      update.run(uid, next, owners, selectable, json, row.id ?? null);
      setOwners(Number(row.id), owners, String(row.owners));
    }
    const size = json.length + (previous?.json.length ?? 0);
    const previousSelectable = previous === undefined ? null : (before ?? null);
    log.run(
      next,
      type.slice(0, 1),
      resource,
      namespace,
      name,
      size,
      selectable,
      previousSelectable,
      json,
      previousJson,
    );
    bytes += size;
    const change = { ...write.key, revision: next, type, selectable: write.selectable, json } as const;
    return previous === undefined ? change : { ...change, previous };
  };

  /** Keeps at least the newest change: it also carries the revision over a restart. */
  const trimLog = (newest: number): number => {
    let from = oldest;
    while (from < newest && (newest - from + 1 > limits.keepChanges || bytes > limits.keepBytes)) {
      bytes -= Number(cut.get(from)?.bytes ?? 0);
      from += 1;
    }
    if (from > oldest) trim.run(from - 1);
    return from;
  };

  return {
    get revision() {
      return revision;
    },
    get compacted() {
      return Math.max(oldest - 1, 0);
    },
    commit(writes) {
      const changes: Change[] = [];
      const bytesBefore = bytes;
      begin.run();
      try {
        for (const write of writes) {
          const change = apply(write, revision + changes.length + 1);
          if (change === "conflict") {
            rollback.run();
            bytes = bytesBefore;
            return { ok: false, conflict: write.key };
          }
          if (change !== undefined) changes.push(change);
        }
        const newest = revision + changes.length;
        const first = oldest === 0 ? Math.min(1, newest) : oldest;
        const due = untrimmed + changes.length >= TRIM_EVERY || bytes > limits.keepBytes;
        oldest = first;
        const kept = due ? trimLog(newest) : first;
        commit.run();
        untrimmed = due ? 0 : untrimmed + changes.length;
        oldest = kept;
        revision = newest;
        return { ok: true, changes };
      } catch (error) {
        bytes = bytesBefore;
        if (db.isTransaction) rollback.run();
        throw error;
      }
    },
  };
}
