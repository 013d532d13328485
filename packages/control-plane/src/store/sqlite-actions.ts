import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type ActionDetails, ActionDetailsSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { actionQuerySql, changesSql, runChangesSql } from "./action-query.ts";
import type { ActionRow, ActionStore } from "./port.ts";
import { insertOrder } from "./sqlite-orders.ts";
import { transaction } from "./transaction.ts";

type Row = {
  rowid: number;
  project: string;
  domain: string;
  run: string;
  action: string;
  created_at: number;
  input_uri: string;
  run_output_base: string;
  details: Uint8Array;
  task_spec: Uint8Array | null;
  labels?: string;
};

const fromRow = (row: Row): ActionRow => ({
  project: row.project,
  domain: row.domain,
  run: row.run,
  action: row.action,
  createdAt: row.created_at,
  inputUri: row.input_uri,
  runOutputBase: row.run_output_base,
  details: fromBinary(ActionDetailsSchema, row.details),
  ...(row.task_spec == null ? {} : { taskSpec: fromBinary(TaskSpecSchema, row.task_spec) }),
});

/** The name by which lists filter: the task's full name, or the trace's or condition's. */
function nameOf({ details }: ActionRow): string {
  const spec = details.metadata?.spec;
  return (spec?.case === "task" ? spec.value.id?.name : spec?.value?.name) ?? "";
}

function versionOf({ details }: ActionRow): string {
  const spec = details.metadata?.spec;
  return spec?.case === "task" ? (spec.value.id?.version ?? "") : "";
}

const labelsOf = ({ labels }: Row) => JSON.parse(labels ?? "{}") as Record<string, string>;

/** The latest time that is told of an action: milliseconds, 0 when there is none. */
function updatedAt({ status, attempts }: ActionDetails): number {
  const transitions = attempts.flatMap(({ phaseTransitions }) => phaseTransitions.at(-1)?.startTime ?? []);
  const times = [status?.startTime, status?.endTime, ...transitions];
  return Math.max(0, ...times.map((time) => (time === undefined ? 0 : timestampMs(time))));
}

/** Grows with every change of a run's actions: a watcher asks for what is behind the one that it has. */
function nextRevision(project: string, domain: string, run: string): string {
  return `(SELECT coalesce(max(revision), 0) + 1 FROM actions WHERE project = ${project} AND domain = ${domain} AND run = ${run})`;
}

export function insertAction(db: DatabaseSync, row: ActionRow): boolean {
  const { project, domain, run, action, details, taskSpec } = row;
  const statement = db.prepare(
    `INSERT INTO actions (project, domain, run, action, parent, created_at, phase, task_name, task_version, input_uri, run_output_base,
        details, task_spec, action_type, updated_at, revision)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ${nextRevision("?1", "?2", "?3")})
      ON CONFLICT DO NOTHING`,
  );
  const state = [details.metadata?.parent ?? "", row.createdAt, details.status?.phase ?? 0] as const;
  const names = [nameOf(row), versionOf(row)] as const;
  const blobs = [toBinary(ActionDetailsSchema, details), taskSpec ? toBinary(TaskSpecSchema, taskSpec) : null] as const;
  const changed = Math.max(row.createdAt, updatedAt(details));
  const type = details.metadata?.actionType ?? 0;
  const args = [...state, ...names, row.inputUri, row.runOutputBase, ...blobs, type, changed] as const;
  return statement.run(project, domain, run, action, ...args).changes === 1;
}

export function sqliteActions(db: DatabaseSync): ActionStore {
  const columns = "rowid, project, domain, run, action, created_at, input_uri, run_output_base, details";
  const where = "WHERE project = ? AND domain = ? AND run = ? AND action = ?";
  const getWhole = db.prepare(`SELECT ${columns}, task_spec FROM actions ${where}`);
  const getBare = db.prepare(`SELECT ${columns} FROM actions ${where}`);
  const update = db.prepare(
    `UPDATE actions SET details = ?1, phase = ?2, updated_at = max(updated_at, ?7), revision = ${nextRevision("?3", "?4", "?5")}
      WHERE project = ?3 AND domain = ?4 AND run = ?5 AND action = ?6`,
  );
  return {
    create: async (row) => insertAction(db, row),
    get: async ({ project, domain, run, action }, { withTaskSpec }) => {
      const row = (withTaskSpec ? getWhole : getBare).get(project, domain, run, action) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    update: async ({ project, domain, run, action }, change, order) =>
      transaction(db, () => {
        const row = getBare.get(project, domain, run, action) as Row | undefined;
        const next = row === undefined ? undefined : change(fromBinary(ActionDetailsSchema, row.details));
        if (next === undefined) return false;
        const state = [toBinary(ActionDetailsSchema, next), next.status?.phase ?? 0] as const;
        update.run(...state, project, domain, run, action, updatedAt(next));
        if (order !== undefined) insertOrder(db, order);
        return true;
      }),
    changes: async (query) => {
      const { sql, args } = changesSql(query);
      const rows = db.prepare(sql).all(...args) as (Row & { revision: number; meets_filter: number })[];
      return rows.map((row) => ({ row: fromRow(row), revision: row.revision, meetsFilter: row.meets_filter === 1 }));
    },
    runChanges: async (query) => {
      const { sql, args } = runChangesSql(query);
      const rows = db.prepare(sql).all(...args) as (Row & { sequence: number })[];
      return rows.map((row) => ({ row: fromRow(row), labels: labelsOf(row), sequence: row.sequence }));
    },
    list: async (query) => {
      const { sql, args } = actionQuerySql(query);
      const found = db.prepare(sql).all(...args) as Row[];
      const rows = found.slice(0, query.limit).map((row) => ({
        ...fromRow(row),
        labels: labelsOf(row),
      }));
      const last = found[query.limit - 1];
      const more = found.length > query.limit && last !== undefined;
      return { rows, ...(more ? { next: { createdAt: last.created_at, rowid: last.rowid } } : {}) };
    },
  };
}
