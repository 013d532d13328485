import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Filter as ProtoFilter,
  Filter_Function,
  type ListRequest,
  Sort_Direction,
} from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ActionType } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { Filter, Position } from "../store/port.ts";
import { invalid } from "./identifiers.ts";

const operators: Partial<Record<Filter_Function, Filter["op"]>> = {
  [Filter_Function.EQUAL]: "eq",
  [Filter_Function.NOT_EQUAL]: "ne",
  [Filter_Function.GREATER_THAN]: "gt",
  [Filter_Function.GREATER_THAN_OR_EQUAL]: "ge",
  [Filter_Function.LESS_THAN]: "lt",
  [Filter_Function.LESS_THAN_OR_EQUAL]: "le",
  [Filter_Function.CONTAINS]: "contains",
  [Filter_Function.VALUE_IN]: "in",
  [Filter_Function.VALUE_NOT_IN]: "not in",
  [Filter_Function.EXISTS]: "exists",
  [Filter_Function.NOT_EXISTS]: "not exists",
};

/** A map: a name such as "__proto__" must find nothing. */
const fields: ReadonlyMap<string, Exclude<Filter["field"], "label">> = new Map([
  ["phase", "phase"],
  ["parent_name", "parent"],
  ["action_type", "action_type"],
  ["task_name", "task_name"],
  ["created_at", "created_at"],
  ["updated_at", "updated_at"],
  ["created_by", "created_by"],
  ["run_name", "run_name"],
  ["name", "name"],
  ["task_version", "task_version"],
  ["trigger_name", "trigger_name"],
]);

/** SQLite takes 32,766 variables; nobody needs more than this in one filter, nor as many filters. */
const maxValues = 500;
const maxFilters = 20;

export function parseFilters(filters: readonly ProtoFilter[]): Filter[] {
  if (filters.length > maxFilters)
    throw invalid("request.filters", `are ${filters.length}, the limit is ${maxFilters}`);
  return filters.map((filter, index) => parseFilter(filter, `request.filters[${index}]`));
}

function parseFilter(filter: ProtoFilter, where: string): Filter {
  const op = operators[filter.function];
  if (op === undefined) throw invalid(`${where}.function`, `function ${filter.function} is not supported`);
  const asksPresence = op === "exists" || op === "not exists";
  if (asksPresence && (!filter.field.startsWith("labels.") || filter.values.length > 0))
    throw invalid(where, "EXISTS is for labels.<key>, without values");
  if (!asksPresence && (filter.values.length === 0 || filter.values.length > maxValues))
    throw invalid(`${where}.values`, `must hold 1 to ${maxValues} values`);
  const isList = op === "in" || op === "not in" || (op === "eq" && filter.field === "phase");
  if (!isList && !asksPresence && filter.values.length !== 1)
    throw invalid(`${where}.values`, "must hold one value for this function");
  if (filter.field.startsWith("labels.")) {
    return { field: "label", label: filter.field.slice("labels.".length), op, values: filter.values };
  }
  const field = fields.get(filter.field);
  if (field === undefined) {
    throw invalid(
      `${where}.field`,
      `"${filter.field}" can not be filtered by; fields are ${[...fields.keys()].join(", ")}, labels.<key>`,
    );
  }
  if (field === "phase") return { field, op, values: phases(filter, where) };
  if (field === "action_type") return { field, op, values: filter.values.map((value) => actionType(value, where)) };
  if (field === "created_at" || field === "updated_at")
    return { field, op, values: filter.values.map((value) => time(value, where)) };
  return { field, op, values: filter.values };
}

const phaseNumbers: ReadonlySet<number> = new Set(Object.values(ActionPhase));

/** Numbers or names. With EQUAL the SDK sends the number as a list of its characters ("1", "0" for 10): joined they are it. */
function phases({ function: fn, values }: ProtoFilter, where: string): number[] {
  const spelled = fn === Filter_Function.EQUAL ? [values.join("")] : values;
  return spelled.map((value) => {
    const name = value.toUpperCase().replace(/^ACTION_PHASE_/, "");
    const phase = /^\d+$/.test(value) ? Number(value) : (ActionPhase as Readonly<Record<string, number>>)[name];
    if (phase === undefined || !phaseNumbers.has(phase)) throw invalid(`${where}.values`, `"${value}" is no phase`);
    return phase;
  });
}

/** A number, as the SDK sends it, or a name. */
function actionType(value: string, where: string): number {
  const name = value.toUpperCase().replace(/^ACTION_TYPE_/, "");
  const type = /^\d+$/.test(value) ? Number(value) : (ActionType as Readonly<Record<string, number>>)[name];
  if (type === undefined) throw invalid(`${where}.values`, `"${value}" is no type of action`);
  return type;
}

function time(value: string, where: string): number {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw invalid(`${where}.values`, `"${value}" is no time (RFC 3339)`);
  return ms;
}

export interface Page {
  readonly limit: number;
  readonly ascending: boolean;
  readonly after?: Position;
}

const defaultLimit = 100;
const maxLimit = 1000;

/** Of what every list can do. */
export function pageLimit(request: ListRequest | undefined): number {
  return Math.min(request?.limit || defaultLimit, maxLimit);
}

export function parsePage(request: ListRequest | undefined): Page {
  const sort = request?.sortByFields[0] ?? request?.sortBy;
  if (sort !== undefined && sort.key !== "" && sort.key !== "created_at") {
    throw invalid("request.sort_by.key", `"${sort.key}" can not be sorted by; use created_at`);
  }
  const limit = pageLimit(request);
  const ascending = sort?.direction === Sort_Direction.ASCENDING;
  const after = positionIn(request?.token ?? "", "request.token");
  return { limit, ascending, ...(after === undefined ? {} : { after }) };
}

/** Of what `pageToken` gave out; `undefined` = the beginning. */
export function positionIn(token: string, field: string): Position | undefined {
  if (token === "") return undefined;
  const match = /^(\d{1,16})\.(\d{1,16})$/.exec(token);
  if (match === null) throw new ConnectError(`${field}: is not one that this server gave out`, Code.InvalidArgument);
  return { createdAt: Number(match[1]), rowid: Number(match[2]) };
}

export function pageToken(next: Position | undefined): string {
  return next === undefined ? "" : `${next.createdAt}.${next.rowid}`;
}
