import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { TaskQuery, TaskRow, TaskStore } from "./port.ts";
import { applyTriggerEdits } from "./sqlite-triggers.ts";
import { transaction } from "./transaction.ts";

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

type Arg = string | number;

/** One row more than the limit is asked for: it tells whether there is a next page. */
function listSql(query: TaskQuery): { sql: string; args: Arg[] } {
  const parts: { sql: string; arg: Arg }[] = [];
  for (const column of ["project", "domain", "name", "version"] as const) {
    const value = query[column];
    if (value !== undefined) parts.push({ sql: `t.${column} = ?`, arg: value });
  }
  if (query.nameContains !== undefined) parts.push({ sql: "instr(t.name, ?) > 0", arg: query.nameContains });
  if (query.entrypoint !== undefined) parts.push({ sql: "t.entrypoint = ?", arg: query.entrypoint ? 1 : 0 });
  const where = parts.map((part) => part.sql);
  const args = parts.map((part) => part.arg);
  if (query.latestOnly) {
    where.push(`t.rowid = (SELECT rowid FROM tasks l WHERE l.project = t.project AND l.domain = t.domain AND l.name = t.name
      ORDER BY created_at DESC, rowid DESC LIMIT 1)`);
  }
  if (query.after !== undefined) {
    where.push(`(t.created_at, t.rowid) ${query.ascending ? ">" : "<"} (?, ?)`);
    args.push(query.after.createdAt, query.after.rowid);
  }
  const direction = query.ascending ? "ASC" : "DESC";
  return {
    sql: `SELECT t.rowid, t.* FROM tasks t WHERE ${where.length === 0 ? "1" : where.join(" AND ")}
      ORDER BY t.created_at ${direction}, t.rowid ${direction} LIMIT ?`,
    args: [...args, query.limit + 1],
  };
}

export function sqliteTasks(db: DatabaseSync): TaskStore {
  const insert = db.prepare("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const get = db.prepare("SELECT * FROM tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?");
  return {
    create: async ({ project, domain, name, version, createdAt, spec }, triggers) => {
      const entrypoint = spec.taskTemplate?.metadata?.isEntrypoint === true ? 1 : 0;
      const blob = toBinary(TaskSpecSchema, spec);
      return transaction(db, () => {
        if (insert.run(project, domain, name, version, createdAt, entrypoint, blob).changes === 0) return false;
        applyTriggerEdits(db, triggers);
        return true;
      });
    },
    get: async ({ project, domain, name, version }) => {
      const row = get.get(project, domain, name, version) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    list: async (query) => {
      const { sql, args } = listSql(query);
      const found = db.prepare(sql).all(...args) as Row[];
      const last = found.length > query.limit ? found[query.limit - 1] : undefined;
      return {
        rows: found.slice(0, query.limit).map(fromRow),
        ...(last ? { next: { createdAt: last.created_at, rowid: last.rowid } } : {}),
      };
    },
  };
}
