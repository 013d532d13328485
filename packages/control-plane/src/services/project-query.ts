/** Filters, order and pages of ListProjects, which has a language of its own: `eq(state, 0)+eq(name, shop)`. */
import { Sort_Direction } from "@homeplane/idl/flyteidl2/common/list";
import { type ListProjectsRequest, ProjectState } from "@homeplane/idl/flyteidl2/project/project_service";
import type { ProjectQuery } from "../store/port.ts";
import { invalid } from "./identifiers.ts";

const maxPage = 1_000;
const maxFilters = 20;
const sorts: ReadonlyMap<string, ProjectQuery["sort"]> = new Map([
  ["", "created_at"],
  ["created_at", "created_at"],
  ["id", "id"],
  ["identifier", "id"],
  ["name", "name"],
]);

export function projectQuery({ limit, token, filters, sortBy }: ListProjectsRequest): ProjectQuery {
  const sort = sorts.get(sortBy?.key ?? "");
  if (sort === undefined)
    throw invalid("sort_by.key", `"${sortBy?.key}" can not be sorted by; use created_at, id or name`);
  if (!/^\d{0,9}$/.test(token)) throw invalid("token", "is not one that this server gave out");
  return {
    ...projectFilters(filters),
    sort,
    // Without a wish, and with the client's default: in the order in which they were made.
    ascending: sortBy === undefined || sortBy.direction === Sort_Direction.ASCENDING,
    limit: Math.min(limit || 100, maxPage),
    offset: Number(token),
  };
}

function projectFilters(text: string): Pick<ProjectQuery, "archived" | "id" | "name"> {
  const parts = text.split("+").filter((part) => part.trim() !== "");
  if (parts.length > maxFilters) throw invalid("filters", `are ${parts.length}, the limit is ${maxFilters}`);
  const found: { archived?: boolean; id?: string; name?: string } = {};
  for (const part of parts) {
    const [, field = "", value = ""] = /^\s*eq\(\s*([\w.]+)\s*,\s*(.*?)\s*\)\s*$/.exec(part) ?? [];
    if (field === "state") found.archived = isArchived(value);
    else if (field === "id" || field === "identifier") found.id = value;
    else if (field === "name") found.name = value;
    else throw invalid("filters", `"${part}" is not understood; write eq(state, 0), eq(id, ...) or eq(name, ...)`);
  }
  return found;
}

function isArchived(value: string): boolean {
  const state = Number(value);
  if (state === ProjectState.ACTIVE) return false;
  if (state === ProjectState.ARCHIVED || state === ProjectState.SYSTEM_ARCHIVED) return true;
  throw invalid("filters", `state "${value}" is none; 0 is active, 1 archived`);
}
