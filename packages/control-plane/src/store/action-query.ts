import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { ActionQuery, ChangesQuery, Filter, RunChangesQuery } from "./port.ts";

type Arg = string | number;

const columns: Readonly<Record<Exclude<Filter["field"], "label">, string>> = {
  phase: "a.phase",
  parent: "a.parent",
  action_type: "a.action_type",
  task_name: "a.task_name",
  created_at: "a.created_at",
  updated_at: "a.updated_at",
  // There is one user.
  created_by: "'local'",
  run_name: "a.run",
  name: "a.action",
  task_version: "a.task_version",
  trigger_name: "r.trigger_name",
};

const operators: Readonly<
  Record<Exclude<Filter["op"], "in" | "not in" | "contains" | "exists" | "not exists">, string>
> = {
  eq: "=",
  ne: "<>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

function condition(filter: Filter): { sql: string; args: Arg[] } {
  const args = [...filter.values];
  let column = filter.field === "label" ? "" : columns[filter.field];
  const lead: Arg[] = [];
  if (filter.field === "label") {
    column = "(SELECT value FROM json_each(r.labels) WHERE key = ?)";
    lead.push(filter.label ?? "");
  }
  if (filter.op === "in" || filter.op === "not in") {
    return { sql: `${column} ${filter.op} (${args.map(() => "?").join(", ")})`, args: [...lead, ...args] };
  }
  if (filter.op === "exists" || filter.op === "not exists") {
    return { sql: `${column} IS ${filter.op === "exists" ? "NOT NULL" : "NULL"}`, args: lead };
  }
  if (filter.op === "contains") return { sql: `instr(${column}, ?) > 0`, args: [...lead, args[0] ?? ""] };
  return { sql: `${column} ${operators[filter.op]} ?`, args: [...lead, args[0] ?? ""] };
}

/** One row more than the limit is asked for: it tells whether there is a next page. All values are bound, none is spliced in. */
export function actionQuerySql(query: ActionQuery): { sql: string; args: Arg[] } {
  const parts = query.filters.map(condition);
  if (query.rootsOnly) parts.push({ sql: "a.parent = ''", args: [] });
  if (query.paused === true) {
    const waits = "p.project = a.project AND p.domain = a.domain AND p.run = a.run AND p.phase = ?";
    parts.push({ sql: `EXISTS (SELECT 1 FROM actions p WHERE ${waits})`, args: [ActionPhase.PAUSED] });
  }
  for (const key of ["project", "domain", "run"] as const) {
    const value = query[key];
    if (value !== undefined) parts.push({ sql: `a.${key} = ?`, args: [value] });
  }
  if (query.after !== undefined) {
    const { createdAt, rowid } = query.after;
    parts.push({ sql: `(a.created_at, a.rowid) ${query.ascending ? ">" : "<"} (?, ?)`, args: [createdAt, rowid] });
  }
  const where = parts.length === 0 ? "" : `WHERE ${parts.map((part) => part.sql).join(" AND ")}`;
  const direction = query.ascending ? "ASC" : "DESC";
  return {
    sql: `SELECT a.rowid, a.project, a.domain, a.run, a.action, a.created_at, a.input_uri, a.run_output_base, a.details, r.labels
      FROM actions a JOIN runs r USING (project, domain, run) ${where}
      ORDER BY a.created_at ${direction}, a.rowid ${direction} LIMIT ?`,
    args: [...parts.flatMap((part) => part.args), query.limit + 1],
  };
}

/** What changed in a run behind a revision, in the order of the changes; filters only mark, so that what left them is told too. */
export function changesSql({ project, domain, run, filters, after, limit }: ChangesQuery): {
  sql: string;
  args: Arg[];
} {
  const marks = filters.map(condition);
  const meets = marks.length === 0 ? "1" : marks.map((mark) => `(${mark.sql})`).join(" AND ");
  return {
    sql: `SELECT a.rowid, a.project, a.domain, a.run, a.action, a.created_at, a.input_uri, a.run_output_base, a.details, a.revision,
      coalesce(${meets}, 0) AS meets_filter
      FROM actions a JOIN runs r USING (project, domain, run)
      WHERE a.project = ? AND a.domain = ? AND a.run = ? AND a.revision > ? ORDER BY a.revision LIMIT ?`,
    args: [...marks.flatMap((mark) => mark.args), project, domain, run, after, limit],
  };
}

/** Runs that changed behind a sequence number; here filters leave out. */
export function runChangesSql({ project, domain, filters, after, limit }: RunChangesQuery): {
  sql: string;
  args: Arg[];
} {
  const parts = filters.map(condition);
  if (project !== undefined) parts.push({ sql: "c.project = ?", args: [project] });
  if (domain !== undefined) parts.push({ sql: "c.domain = ?", args: [domain] });
  const where = ["c.sequence > ?", ...parts.map((part) => part.sql)].join(" AND ");
  return {
    sql: `SELECT a.rowid, a.project, a.domain, a.run, a.action, a.created_at, a.input_uri, a.run_output_base, a.details, r.labels, c.sequence
      FROM run_changes c JOIN actions a USING (project, domain, run) JOIN runs r USING (project, domain, run)
      WHERE a.parent = '' AND ${where} ORDER BY c.sequence LIMIT ?`,
    args: [after, ...parts.flatMap((part) => part.args), limit],
  };
}
