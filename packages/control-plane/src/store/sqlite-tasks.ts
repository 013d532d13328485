import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { TaskRow, TaskStore } from "./port.ts";

type Row = {
  rowid: number;
  project: string;
  domain: string;
  name: string;
  version: string;
  created_at: number;
  spec: Uint8Array;
};

const fromRow = (row: Row): TaskRow => ({
  project: row.project,
  domain: row.domain,
  name: row.name,
  version: row.version,
  createdAt: row.created_at,
  spec: fromBinary(TaskSpecSchema, row.spec),
});

export function sqliteTasks(db: DatabaseSync): TaskStore {
  const insert = db.prepare("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const get = db.prepare("SELECT * FROM tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?");
  const list = (latestOnly: boolean) =>
    db.prepare(`SELECT rowid, * FROM tasks t WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR domain = ?2)
      AND (?3 IS NULL OR name = ?3) AND (?4 IS NULL OR version = ?4)
      ${latestOnly ? "AND rowid = (SELECT rowid FROM tasks l WHERE l.project = t.project AND l.domain = t.domain AND l.name = t.name ORDER BY created_at DESC, rowid DESC LIMIT 1)" : ""}
      AND (?5 IS NULL OR (created_at, rowid) < (?5, ?6))
      ORDER BY created_at DESC, rowid DESC LIMIT ?7`);
  const listAll = list(false);
  const listLatest = list(true);
  return {
    create: async (row) =>
      insert.run(row.project, row.domain, row.name, row.version, row.createdAt, toBinary(TaskSpecSchema, row.spec))
        .changes === 1,
    get: async ({ project, domain, name, version }) => {
      const row = get.get(project, domain, name, version) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    list: async ({ project, domain, name, version, latestOnly, limit, after }) => {
      const statement = latestOnly ? listLatest : listAll;
      const args = [project ?? null, domain ?? null, name ?? null, version ?? null];
      const position = [after?.createdAt ?? null, after?.rowid ?? null];
      const found = statement.all(...args, ...position, limit + 1) as Row[];
      const last = found.length > limit ? found[limit - 1] : undefined;
      return {
        rows: found.slice(0, limit).map(fromRow),
        ...(last ? { next: { createdAt: last.created_at, rowid: last.rowid } } : {}),
      };
    },
  };
}
