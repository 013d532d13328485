import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { TriggerAutomationSpecSchema } from "@homeplane/idl/flyteidl2/task/common";
import { type TriggerRevisionAction, TriggerSpecSchema } from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import { transaction } from "./transaction.ts";
import type {
  Firing,
  TriggerEdit,
  TriggerKey,
  TriggerQuery,
  TriggerRevisionRow,
  TriggerRow,
  TriggerStore,
} from "./trigger-port.ts";

type Row = {
  id: number;
  project: string;
  domain: string;
  task_name: string;
  name: string;
  revision: number;
  active: number;
  spec: Uint8Array;
  automation: Uint8Array;
  deployed_at: number;
  updated_at: number;
  triggered_at: number | null;
  deleted_at: number | null;
  next_fire_at: number | null;
  action: TriggerRevisionAction;
};

function fromRow(row: Row): TriggerRevisionRow {
  return {
    project: row.project,
    domain: row.domain,
    taskName: row.task_name,
    name: row.name,
    revision: row.revision,
    active: row.active === 1,
    spec: fromBinary(TriggerSpecSchema, row.spec),
    automation: fromBinary(TriggerAutomationSpecSchema, row.automation),
    deployedAt: row.deployed_at,
    updatedAt: row.updated_at,
    action: row.action,
    ...(row.triggered_at === null ? {} : { triggeredAt: row.triggered_at }),
    ...(row.deleted_at === null ? {} : { deletedAt: row.deleted_at }),
    ...(row.next_fire_at === null ? {} : { nextFireAt: row.next_fire_at }),
  };
}

const byKey = "project = ? AND domain = ? AND task_name = ? AND name = ?";
const keyArgs = ({ project, domain, taskName, name }: TriggerKey) => [project, domain, taskName, name] as const;

/** Within a transaction of the caller. */
export function applyTriggerEdits(db: DatabaseSync, edits: readonly TriggerEdit[]): (TriggerRow | undefined)[] {
  const get = db.prepare(`SELECT * FROM triggers WHERE ${byKey}`);
  const columns = `project, domain, task_name, name, revision, action, active, spec, automation, deployed_at, updated_at, triggered_at,
    deleted_at`;
  const changed = [...columns.split(/,\s*/).slice(4), "next_fire_at"].map((name) => `${name} = excluded.${name}`);
  const save = db.prepare(
    `INSERT INTO triggers (${columns}, next_fire_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (project, domain, task_name, name) DO UPDATE SET ${changed.join(", ")}`,
  );
  const history = db.prepare(
    `INSERT INTO trigger_revisions (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return edits.map(({ key, edit }) => {
    const found = get.get(...keyArgs(key)) as Row | undefined;
    const current = found === undefined ? undefined : fromRow(found);
    const next = edit(current);
    if (next === undefined) return current;
    const revision = (current?.revision ?? 0) + 1;
    const spec = toBinary(TriggerSpecSchema, next.spec);
    const automation = toBinary(TriggerAutomationSpecSchema, next.automation);
    const times = [next.deployedAt, next.updatedAt, next.triggeredAt ?? null, next.deletedAt ?? null] as const;
    const values = [...keyArgs(key), revision, next.action, next.active ? 1 : 0, spec, automation, ...times] as const;
    save.run(...values, next.nextFireAt ?? null);
    history.run(...values);
    return { ...key, ...next, revision };
  });
}

/** Within a transaction of the caller: whether the trigger was as expected and has moved on. */
export function applyFiring(db: DatabaseSync, { key, revision, expected, next, triggeredAt }: Firing): boolean {
  const moves = expected === undefined ? "next_fire_at" : "?";
  const sql = `UPDATE triggers SET next_fire_at = ${moves}, triggered_at = coalesce(?, triggered_at)
    WHERE ${byKey} AND revision = ? AND deleted_at IS NULL${expected === undefined ? "" : " AND next_fire_at = ?"}`;
  const args = [triggeredAt ?? null, ...keyArgs(key), revision] as const;
  const statement = db.prepare(sql);
  const { changes } = expected === undefined ? statement.run(...args) : statement.run(next ?? null, ...args, expected);
  return changes === 1;
}

function listSql(query: TriggerQuery): { sql: string; args: (string | number)[] } {
  const parts: { sql: string; arg: string | number }[] = [{ sql: "id > ?", arg: query.after }];
  const columns = { project: "project", domain: "domain", taskName: "task_name", name: "name" } as const;
  for (const [key, column] of Object.entries(columns) as [keyof typeof columns, string][]) {
    const value = query[key];
    if (value !== undefined) parts.push({ sql: `${column} = ?`, arg: value });
  }
  if (query.active !== undefined) parts.push({ sql: "active = ?", arg: query.active ? 1 : 0 });
  const where = parts.map((part) => part.sql).join(" AND ");
  return {
    sql: `SELECT * FROM triggers WHERE deleted_at IS NULL AND ${where} ORDER BY id`,
    args: parts.map((part) => part.arg),
  };
}

export function sqliteTriggers(db: DatabaseSync): TriggerStore {
  const get = db.prepare(`SELECT * FROM triggers WHERE ${byKey} AND deleted_at IS NULL`);
  const history = `SELECT *, NULL AS next_fire_at FROM trigger_revisions WHERE ${byKey}`;
  const getRevision = db.prepare(`${history} AND revision = ?`);
  const revisions = db.prepare(`${history} AND revision < ? ORDER BY revision DESC LIMIT ?`);
  const due = db.prepare("SELECT * FROM triggers WHERE next_fire_at <= ? ORDER BY next_fire_at, id LIMIT ?");
  const earliest = db.prepare("SELECT min(next_fire_at) AS at FROM triggers WHERE next_fire_at > ?");
  return {
    edit: async (edits) => transaction(db, () => applyTriggerEdits(db, edits)),
    get: async (key) => {
      const row = get.get(...keyArgs(key)) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    getRevision: async (key, revision) => {
      const row = getRevision.get(...keyArgs(key), revision) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    list: async (query) => {
      const { sql, args } = listSql(query);
      const rows: TriggerRow[] = [];
      let last = 0;
      // The version lies in the message: rows are read one by one, so that a page is never cut short by those that do not fit.
      for (const row of db.prepare(sql).iterate(...args) as Iterable<Row>) {
        const trigger = fromRow(row);
        if (query.taskVersion !== undefined && trigger.spec.taskVersion !== query.taskVersion) continue;
        if (rows.length === query.limit) return { rows, next: last };
        rows.push(trigger);
        last = row.id;
      }
      return { rows };
    },
    revisions: async (key, { before, limit }) =>
      (revisions.all(...keyArgs(key), before, limit) as Row[]).map((row) => fromRow(row)),
    due: async (now, limit) => (due.all(now, limit) as Row[]).map((row) => fromRow(row)),
    nextFireAt: async (after) => (earliest.get(after) as { at: number | null }).at ?? undefined,
    advance: async (firing) => transaction(db, () => applyFiring(db, firing)),
  };
}
