/** Watches over more than one action: all runs of a scope, and what the cluster says of an attempt. */
import { create } from "@bufbuild/protobuf";
import { isTerminal } from "@homeplane/idl";
import {
  type WatchClusterEventsRequest,
  WatchClusterEventsResponseSchema,
  type WatchRunsRequest,
  WatchRunsResponseSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_service";
import { runView } from "../actions/views.ts";
import type { Context } from "../context.ts";
import type { RunChangesQuery } from "../store/port.ts";
import { actionKey, actionNotFound, actionPath, invalid } from "./identifiers.ts";

/** Published after each change of a root action. */
export const runChanges = "runs";

/** How many runs one message carries at most. */
const page = 500;

/** Everything there is first, then what changed; a run that changed several times while the reader was busy comes once, as it is. */
export async function* watchRuns(ctx: Context, request: WatchRunsRequest, signal: AbortSignal) {
  const scope = scopeOf(request);
  let after = 0;
  for await (const _ of ctx.changes.subscribe(runChanges, AbortSignal.any([signal, ctx.stopping]))) {
    for (;;) {
      const changes = await ctx.store.actions.runChanges({ ...scope, after, limit: page });
      const last = changes.at(-1);
      if (last === undefined) break;
      after = last.sequence;
      yield create(WatchRunsResponseSchema, { runs: changes.map(({ row, labels }) => runView(row, labels)) });
    }
  }
}

function scopeOf({ target }: WatchRunsRequest): Pick<RunChangesQuery, "project" | "domain" | "filters"> {
  switch (target.case) {
    case "projectId": {
      const { name: project, domain } = target.value;
      return { project, ...(domain ? { domain } : {}), filters: [] };
    }
    case "taskId": {
      const { project, domain, name, version } = target.value;
      const filters = [{ field: "task_name" as const, op: "eq" as const, values: [name] }];
      if (version === "") return { project, domain, filters };
      return { project, domain, filters: [...filters, { field: "task_version", op: "eq", values: [version] }] };
    }
    case "clusterId":
      throw invalid("cluster_id", "runs are not kept by cluster: watch the project, or the organisation");
    case "org":
    case undefined:
      return { filters: [] };
  }
}

/** Each event of the attempt once; ends with the attempt. */
export async function* watchClusterEvents(ctx: Context, request: WatchClusterEventsRequest, signal: AbortSignal) {
  const key = actionKey(request.id, "id");
  let told = 0;
  for await (const _ of ctx.changes.subscribe(actionPath(key), AbortSignal.any([signal, ctx.stopping]))) {
    const row = await ctx.store.actions.get(key, { withTaskSpec: false });
    if (row === undefined) throw actionNotFound(key);
    const { attempts, status } = row.details;
    const wanted = request.attempt || (status?.attempts ?? 1);
    const attempt = attempts.find((candidate) => candidate.attempt === wanted);
    const clusterEvents = attempt?.clusterEvents.slice(told) ?? [];
    told += clusterEvents.length;
    if (clusterEvents.length > 0) yield create(WatchClusterEventsResponseSchema, { clusterEvents });
    if (isTerminal(attempt?.phase ?? 0) || isTerminal(status?.phase ?? 0)) return;
  }
}
