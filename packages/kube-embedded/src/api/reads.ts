import type { ObjectKey, Stored } from "../store/store.ts";
import { ApiError, badRequest, expired, notFound } from "./api-error.ts";
import type { Call } from "./context.ts";
import { selectableNames } from "./registry.ts";
import { type ApiResponse, integerParam } from "./request.ts";
import { resourceKey } from "./resource-type.ts";
import { fieldSelector, labelSelector, type Match, pinnedName } from "./selectors.ts";
import { listResponse, objectResponse } from "./view.ts";

/** Rows taken from the store at a time while filtering. */
const PAGE = 500;
export const MAX_REVISION = Number.MAX_SAFE_INTEGER;

export function keyOfCall(call: Call): ObjectKey {
  return { resource: resourceKey(call.type), namespace: call.path.namespace, name: call.path.name };
}

export async function getStored(call: Call): Promise<Stored> {
  const stored = await call.context.store.get(keyOfCall(call));
  if (stored === undefined) throw notFound(call.type, call.path.name);
  return stored;
}

export async function get(call: Call): Promise<ApiResponse> {
  return objectResponse(call, 200, (await getStored(call)).json);
}

/** The selection of a list, watch or deletecollection; undefined = all. */
export function matchOf(call: Call): Match | undefined {
  const labels = labelSelector(call.query.get("labelSelector") ?? "");
  const fields = fieldSelector(call.query.get("fieldSelector") ?? "", selectableNames(call.type));
  if (labels === undefined || fields === undefined) return labels ?? fields;
  return (selectable) => labels(selectable) && fields(selectable);
}

export interface Page {
  readonly items: readonly Stored[];
  /** The store's revision when the page was read. */
  readonly revision: number;
  readonly after?: { readonly namespace: string; readonly name: string };
}

export type Start = { readonly namespace: string; readonly name: string };

/** The next `limit` objects of the selection; `after` is there when more may follow. */
export async function readPage(
  call: Call,
  match: Match | undefined,
  from: Start | undefined,
  limit: number,
): Promise<Page> {
  const { store } = call.context;
  const resource = resourceKey(call.type);
  const scope = call.path.namespace === "" ? {} : { namespace: call.path.namespace };
  const pinned = pinnedName(call.query.get("fieldSelector") ?? "");
  if (pinned !== undefined && call.path.namespace !== "" && from === undefined) {
    const found = await store.get({ resource, namespace: call.path.namespace, name: pinned });
    const kept = found !== undefined && (match === undefined || match(found.selectable)) ? [found] : [];
    return { items: kept, revision: store.revision };
  }
  const items: Stored[] = [];
  let after = from;
  let revision: number | undefined;
  for (;;) {
    const size = match === undefined ? Math.min(PAGE, limit - items.length) : PAGE;
    const page = await store.list({ resource, ...scope, ...(after === undefined ? {} : { after }), limit: size });
    // The first page's revision: a watch from there replays whatever changed while the others were read.
    revision ??= page.revision;
    for (const [n, item] of page.items.entries()) {
      after = { namespace: item.namespace, name: item.name };
      if (match !== undefined && !match(item.selectable)) continue;
      items.push(item);
      const last = n === page.items.length - 1 && !page.more;
      if (items.length >= limit) return last ? { items, revision } : { items, revision, after };
    }
    if (!page.more) return { items, revision };
  }
}

interface Continue {
  readonly rv: number;
  readonly start: Start;
}

function readContinue(token: string): Continue {
  try {
    const value = JSON.parse(Buffer.from(token, "base64url").toString()) as Continue;
    if (
      Number.isSafeInteger(value.rv) &&
      typeof value.start.name === "string" &&
      typeof value.start.namespace === "string"
    )
      return value;
  } catch (error) {
    throw new ApiError(400, "BadRequest", "continue key is not valid", undefined, { cause: error });
  }
  throw badRequest("continue key is not valid");
}

function checkRevision(call: Call): void {
  const wanted = integerParam(call.query, "resourceVersion", MAX_REVISION);
  const { revision } = call.context.store;
  if (wanted === undefined) return;
  if (wanted > revision) {
    const message = `Too large resource version: ${wanted}, current: ${revision}`;
    const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
    throw new ApiError(504, "Timeout", message, { causes, retryAfterSeconds: 1 });
  }
  if (call.query.get("resourceVersionMatch") === "Exact" && wanted !== revision)
    throw expired(`The resourceVersion ${wanted} is no longer available`);
}

/** All pages of one list carry the first page's resourceVersion; a watch from it replays what changed between the pages. */
export async function list(call: Call): Promise<ApiResponse> {
  const limit = integerParam(call.query, "limit", MAX_REVISION) ?? 0;
  const token = call.query.get("continue") ?? "";
  const resumed = token === "" ? undefined : readContinue(token);
  if (resumed === undefined) checkRevision(call);
  else if (resumed.rv < call.context.store.compacted) {
    throw expired(
      "The provided continue parameter is too old to display a consistent list result. Start a new list without the continue parameter.",
    );
  }
  const page = await readPage(call, matchOf(call), resumed?.start, limit === 0 ? Number.POSITIVE_INFINITY : limit);
  const rv = resumed?.rv ?? page.revision;
  const next =
    page.after === undefined ? undefined : Buffer.from(JSON.stringify({ rv, start: page.after })).toString("base64url");
  const meta = { resourceVersion: String(rv), ...(next === undefined ? {} : { continue: next }) };
  const jsons = page.items.map((item) => item.json);
  return listResponse(call, jsons, meta);
}
