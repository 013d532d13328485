/**
 * The SQLite driver. WAL with synchronous=NORMAL: safe against a killed process, not against loss of power; with `durable` against that too. Every
 * method is one transaction; node:sqlite is synchronous, so no other work can come in between.
 */
import { DatabaseSync } from "node:sqlite";
import { withGroupCommit } from "./group-commit.ts";
import { sqliteActions } from "./sqlite-actions.ts";
import { sqliteCache } from "./sqlite-cache.ts";
import { sqliteOrders } from "./sqlite-orders.ts";
import { sqliteProjects } from "./sqlite-projects.ts";
import { sqliteRuns } from "./sqlite-runs.ts";
import { sqliteSettings } from "./sqlite-settings.ts";
import { sqliteTasks } from "./sqlite-tasks.ts";
import { sqliteTriggers } from "./sqlite-triggers.ts";
import { migrate } from "./schema.ts";
import type { Store } from "./port.ts";
import { withStoreErrors } from "./store-error.ts";

export interface SqliteOptions {
  /** What is acknowledged has reached the disk. */
  readonly durable?: boolean;
  /** Nobody else may open it meanwhile: two control planes on one database would each tell their own watchers only. */
  readonly exclusive?: boolean;
}

/** `path` may be ":memory:". */
export function openSqliteStore(path: string, { durable = false, exclusive = false }: SqliteOptions = {}): Store {
  const db = new DatabaseSync(path);
  if (exclusive) db.exec("PRAGMA locking_mode = EXCLUSIVE;");
  // What would be undone of a part of a transaction goes to a temporary file once it is large; a container has no folder for one, and the transaction would end.
  db.exec("PRAGMA temp_store = MEMORY");
  // A checkpoint waits for the disk, and everybody with it: rather one for 32 MB of log than one for each 4.
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 1000; PRAGMA wal_autocheckpoint = 8000;",
  );
  db.exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
  migrate(db);
  const plain = {
    projects: sqliteProjects(db),
    tasks: sqliteTasks(db),
    runs: sqliteRuns(db),
    actions: sqliteActions(db),
    orders: sqliteOrders(db),
    triggers: sqliteTriggers(db),
    cache: sqliteCache(db),
    settings: sqliteSettings(db),
  };
  const groups = withStoreErrors(durable ? withGroupCommit(db, plain) : plain);
  return { ...groups, close: async () => db.close() };
}
