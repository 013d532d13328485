import type { DatabaseSync } from "node:sqlite";

/** Kept in the file's `user_version`; a file of another version is refused, never misread. */
export const STORE_VERSION = 1;

/**
 * `objects` is the current state, `owners` an index over its ownerReferences, `changes` the bounded log that watches are
 * served from. Revisions in `changes` are dense: each is exactly one change, so count and range are arithmetic. The big
 * columns come last so that rows can be filtered without reading them.
 */
export function createTables(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE objects (
      id INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
      revision INTEGER NOT NULL, owners TEXT NOT NULL, selectable TEXT NOT NULL, value TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX objects_key ON objects (resource, namespace, name);
    CREATE INDEX objects_uid ON objects (uid);
    CREATE INDEX objects_namespace ON objects (namespace) WHERE namespace <> '';
    CREATE TABLE owners (owner TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (owner, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX owners_id ON owners (id);
    CREATE TABLE changes (
      revision INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
      bytes INTEGER NOT NULL, selectable TEXT NOT NULL, previous_selectable TEXT, value TEXT NOT NULL, previous_value TEXT) STRICT;
    CREATE INDEX changes_resource ON changes (resource, revision, bytes);
    PRAGMA user_version = ${STORE_VERSION};
  `);
}
