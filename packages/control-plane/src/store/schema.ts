import type { DatabaseSync } from "node:sqlite";

/** Each entry brings the schema one version further; entries are never changed, only added. */
const migrations: readonly string[] = [
  `
  CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, labels TEXT NOT NULL,
    archived INTEGER NOT NULL) STRICT;
  CREATE TABLE tasks (project TEXT, domain TEXT, name TEXT, version TEXT, created_at INTEGER NOT NULL,
    entrypoint INTEGER NOT NULL, spec BLOB NOT NULL,
    PRIMARY KEY (project, domain, name, version)) STRICT;
  CREATE TABLE runs (project TEXT, domain TEXT, run TEXT, created_at INTEGER NOT NULL, labels TEXT NOT NULL,
    source INTEGER NOT NULL, spec BLOB NOT NULL, request_id TEXT NOT NULL UNIQUE,
    PRIMARY KEY (project, domain, run)) STRICT;
  CREATE TABLE actions (project TEXT, domain TEXT, run TEXT, action TEXT, parent TEXT NOT NULL, created_at INTEGER NOT NULL,
    phase INTEGER NOT NULL, task_name TEXT NOT NULL, input_uri TEXT NOT NULL, run_output_base TEXT NOT NULL,
    details BLOB NOT NULL, task_spec BLOB, revision INTEGER NOT NULL, UNIQUE (project, domain, run, action)) STRICT;
  CREATE INDEX changes ON actions (project, domain, run, revision);
  CREATE INDEX roots ON actions (project, domain, created_at) WHERE parent = '';
  CREATE TABLE orders (sequence INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE INDEX pending_orders ON orders (sequence) WHERE acknowledged = 0;
  `,
  `
  ALTER TABLE runs ADD COLUMN trigger_name TEXT NOT NULL DEFAULT '';
  ALTER TABLE actions ADD COLUMN task_version TEXT NOT NULL DEFAULT '';
  CREATE TABLE triggers (id INTEGER PRIMARY KEY, project TEXT NOT NULL, domain TEXT NOT NULL, task_name TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, action INTEGER NOT NULL, active INTEGER NOT NULL, spec BLOB NOT NULL, automation BLOB NOT NULL,
    deployed_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, triggered_at INTEGER, deleted_at INTEGER, next_fire_at INTEGER,
    UNIQUE (project, domain, task_name, name)) STRICT;
  CREATE INDEX due_triggers ON triggers (next_fire_at) WHERE next_fire_at IS NOT NULL;
  CREATE TABLE trigger_revisions (project TEXT, domain TEXT, task_name TEXT, name TEXT, revision INTEGER, action INTEGER NOT NULL,
    active INTEGER NOT NULL, spec BLOB NOT NULL, automation BLOB NOT NULL, deployed_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    triggered_at INTEGER, deleted_at INTEGER, PRIMARY KEY (project, domain, task_name, name, revision)) STRICT;
  `,
  `
  CREATE TABLE cache_entries (project TEXT, domain TEXT, key TEXT, output_uri TEXT NOT NULL, metadata BLOB NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (project, domain, key)) STRICT;
  CREATE TABLE cache_reservations (project TEXT, domain TEXT, key TEXT, owner TEXT NOT NULL, heartbeat_ms INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, PRIMARY KEY (project, domain, key)) STRICT;
  CREATE INDEX expiring_reservations ON cache_reservations (expires_at);
  `,
  `
  ALTER TABLE actions ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
  UPDATE actions SET updated_at = created_at;
  CREATE TABLE run_changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, domain TEXT NOT NULL, run TEXT NOT NULL,
    UNIQUE (project, domain, run)) STRICT;
  INSERT INTO run_changes (project, domain, run) SELECT project, domain, run FROM actions WHERE parent = '' ORDER BY created_at, rowid;
  CREATE TRIGGER run_made AFTER INSERT ON actions WHEN new.parent = '' BEGIN
    DELETE FROM run_changes WHERE project = new.project AND domain = new.domain AND run = new.run;
    INSERT INTO run_changes (project, domain, run) VALUES (new.project, new.domain, new.run);
  END;
  CREATE TRIGGER run_changed AFTER UPDATE OF revision ON actions WHEN new.parent = '' BEGIN
    DELETE FROM run_changes WHERE project = new.project AND domain = new.domain AND run = new.run;
    INSERT INTO run_changes (project, domain, run) VALUES (new.project, new.domain, new.run);
  END;
  CREATE TABLE settings (domain TEXT, project TEXT, version INTEGER NOT NULL, settings BLOB NOT NULL, PRIMARY KEY (domain, project)) STRICT;
  `,
  // flyteidl2.workflow.ActionType. Until now an action was a task (1), whose spec is kept, or a trace (2).
  `
  ALTER TABLE actions ADD COLUMN action_type INTEGER NOT NULL DEFAULT 0;
  UPDATE actions SET action_type = iif(task_spec IS NULL, 2, 1);
  `,
  // What goes on is few among all that has been.
  `
  CREATE INDEX by_phase ON actions (phase);
  `,
];

/** Brings an older database up to date; refuses one that a newer version wrote. */
export function migrate(db: DatabaseSync, upTo = migrations.length): void {
  const { user_version: found } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > migrations.length) {
    throw new Error(
      `the database has schema version ${found}, this program knows ${migrations.length}: use the newer version of homeplane that wrote it`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < found || index >= upTo) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
