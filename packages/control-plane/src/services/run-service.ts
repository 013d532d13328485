import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { isTerminal, outputsFile } from "@homeplane/idl";
import type { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { EnrichedActionSchema, RunDetailsSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ListRunsRequest, RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { abort } from "../actions/abort.ts";
import { createRun, rootAction } from "../actions/create-run.ts";
import { signalEvent } from "../actions/signal-event.ts";
import { actionView, detailsView, runView } from "../actions/views.ts";
import type { Context } from "../context.ts";
import type { ActionKey, ActionQuery, ActionRow, Filter, RunKey } from "../store/port.ts";
import { pageToken, parseFilters, parsePage } from "./filters.ts";
import { watchClusterEvents, watchRuns } from "./run-watches.ts";
import { actionKey, actionNotFound, actionPath, runKey, runPath } from "./identifiers.ts";

/** How many actions one message of a watch carries at most. */
const watchPage = 500;

export function runService(ctx: Context): Partial<ServiceImpl<typeof RunService>> {
  const load = async (key: ActionKey): Promise<ActionRow> => {
    const row = await ctx.store.actions.get(key, { withTaskSpec: true });
    if (row === undefined) throw actionNotFound(key);
    return row;
  };
  const runDetails = async (key: ActionKey) => {
    const run = await ctx.store.runs.get(key);
    if (run === undefined) throw runNotFound(key);
    return create(RunDetailsSchema, { runSpec: run.spec, action: detailsView(await load(key)) });
  };
  /** The current state first, then each change; ends after the end of the action. */
  async function* watch<T>(
    key: ActionKey,
    callerSignal: AbortSignal,
    read: () => Promise<{ message: T; done: boolean }>,
  ) {
    const signal = AbortSignal.any([callerSignal, ctx.stopping]);
    for await (const _ of ctx.changes.subscribe(actionPath(key), signal)) {
      const { message, done } = await read();
      yield message;
      if (done) return;
    }
  }
  const done = (phase: ActionPhase | undefined): boolean => phase !== undefined && isTerminal(phase);

  return {
    async createRun(request, { requestHeader }) {
      const row = await createRun(ctx, request, requestHeader.get("x-request-id") ?? "");
      const key = { project: row.project, domain: row.domain, run: row.run };
      return { run: runView(row, (await ctx.store.runs.get(key))?.labels ?? {}) };
    },
    async abortRun(request) {
      await abort(ctx, { ...runKey(request.runId), action: rootAction }, request.reason ?? "");
      return {};
    },
    async abortAction(request) {
      await abort(ctx, actionKey(request.actionId), request.reason);
      return {};
    },
    async signalEvent(request) {
      await signalEvent(ctx, request);
      return {};
    },
    async getRunDetails({ runId }) {
      return { details: await runDetails({ ...runKey(runId), action: rootAction }) };
    },
    async *watchRunDetails({ runId }, { signal }) {
      const key = { ...runKey(runId), action: rootAction };
      yield* watch(key, signal, async () => {
        const details = await runDetails(key);
        return { message: { details }, done: done(details.action?.status?.phase) };
      });
    },
    async getActionDetails({ actionId }) {
      return { details: detailsView(await load(actionKey(actionId))) };
    },
    async *watchActionDetails({ actionId }, { signal }) {
      const key = actionKey(actionId);
      yield* watch(key, signal, async () => {
        const details = detailsView(await load(key));
        return { message: { details }, done: done(details.status?.phase) };
      });
    },
    async listRuns(request) {
      const scope = scopeOf(request);
      const query = listQuery(request.request);
      const filters = [...scope.filters, ...query.filters];
      const paused = request.pausedActionsOnly;
      const page = await ctx.store.actions.list({ ...scope, ...query, filters, rootsOnly: true, paused });
      return { runs: page.rows.map((row) => runView(row, row.labels)), token: pageToken(page.next) };
    },
    async listActions(request) {
      const key = runKey(request.runId);
      const page = await ctx.store.actions.list({ ...key, ...listQuery(request.request), rootsOnly: false });
      return { actions: page.rows.map(actionView), token: pageToken(page.next) };
    },
    /** Everything there is first, then what changed. */
    async *watchActions(request, { signal }) {
      const key = runKey(request.runId);
      const filters = parseFilters(request.filter);
      if ((await ctx.store.runs.get(key)) === undefined) throw runNotFound(key);
      let after = 0;
      for await (const _ of ctx.changes.subscribe(runPath(key), AbortSignal.any([signal, ctx.stopping]))) {
        for (;;) {
          const changes = await ctx.store.actions.changes({ ...key, filters, after, limit: watchPage });
          const last = changes.at(-1);
          if (last === undefined) break;
          after = last.revision;
          const enrichedActions = changes.map(({ row, meetsFilter }) =>
            create(EnrichedActionSchema, { action: actionView(row), meetsFilter }),
          );
          yield { enrichedActions };
        }
      }
    },
    watchRuns: (request, { signal }) => watchRuns(ctx, request, signal),
    watchClusterEvents: (request, { signal }) => watchClusterEvents(ctx, request, signal),
    async getActionDataURIs({ actionId }) {
      const { inputUri, details } = await load(actionKey(actionId));
      const output = details.attempts.findLast((attempt) => attempt.outputs !== undefined)?.outputs?.outputUri;
      return { inputsUri: inputUri, outputsUri: output ? `${output}/${outputsFile}` : "" };
    },
    async getActionLogContext({ actionId, attempt }) {
      const { details } = await load(actionKey(actionId));
      const found = details.attempts.find(
        (candidate) => candidate.attempt === (attempt || (details.status?.attempts ?? 1)),
      );
      if (found?.logContext === undefined) throw new ConnectError(`attempt ${attempt} has no log yet`, Code.NotFound);
      const { logContext, cluster, startTime, endTime } = found;
      return { logContext, cluster, ...(startTime ? { startTime } : {}), ...(endTime ? { endTime } : {}) };
    },
  };
}

function runNotFound(key: RunKey): ConnectError {
  return new ConnectError(`there is no run ${runPath(key)}`, Code.NotFound);
}

function listQuery(request: ListRunsRequest["request"]) {
  return { ...parsePage(request), filters: parseFilters(request?.filters ?? []) };
}

function scopeOf({ scopeBy }: ListRunsRequest): Pick<ActionQuery, "project" | "domain" | "filters"> {
  const equal = (field: Filter["field"], value: string): Filter => ({ field, op: "eq", values: [value] });
  switch (scopeBy.case) {
    case "projectId": {
      const { name: project, domain } = scopeBy.value;
      return { project, ...(domain ? { domain } : {}), filters: [] };
    }
    case "taskName": {
      const { project, domain, name } = scopeBy.value;
      return { project, domain, filters: [equal("task_name", name)] };
    }
    case "taskId": {
      const { project, domain, name, version } = scopeBy.value;
      return { project, domain, filters: [equal("task_name", name), equal("task_version", version)] };
    }
    case "triggerName": {
      const { project, domain, taskName, name } = scopeBy.value;
      return { project, domain, filters: [equal("task_name", taskName), equal("trigger_name", name)] };
    }
    case "org":
    case undefined:
      return { filters: [] };
  }
}
