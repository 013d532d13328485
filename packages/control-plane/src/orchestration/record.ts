/** What the data plane reports. Everything is idempotent and answered only when stored. */
import { setImmediate } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import type { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import {
  type ActionDetails,
  ActionEventSchema,
  ActionStatusSchema,
  ErrorInfo_Kind,
  RunSource,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { applyEvent, applyStatus } from "../actions/apply-event.ts";
import { rootAction } from "../actions/create-run.ts";
import { type ActionKind, newActionDetails } from "../actions/new-action.ts";
import type { Context } from "../context.ts";
import { publishAction } from "../publish.ts";
import { actionKey, actionPath, invalid, runPath } from "../services/identifiers.ts";
import type { ActionKey } from "../store/port.ts";

const eventsPerTurn = 8;

/** Applies a change and tells the watchers. An unknown action is NOT_FOUND: the reporter sends its spec first. */
async function change(
  ctx: Context,
  key: ActionKey,
  apply: (details: ActionDetails) => ActionDetails | undefined,
): Promise<void> {
  if (await ctx.store.actions.update(key, apply)) {
    publishAction(ctx, key);
    return;
  }
  if ((await ctx.store.actions.get(key, { withTaskSpec: false })) === undefined) {
    throw new ConnectError(`action ${actionPath(key)} is not known: record it first`, Code.NotFound);
  }
}

export function eventsProxyService(ctx: Context): ServiceImpl<typeof EventsProxyService> {
  return {
    async record({ events }) {
      for (const [index, event] of events.entries()) {
        // A batch is hundreds of transactions: clients are not kept waiting until all of them are through.
        if (index % eventsPerTurn === eventsPerTurn - 1) await setImmediate();
        if (event.attempt === 0) throw invalid("events[].attempt", "counts from 1");
        checkPhase(event.phase, "events[].phase");
        await change(ctx, actionKey(event.id), (details) => applyEvent(details, event));
      }
      return {};
    },
  };
}

export function internalRunService(ctx: Context): Partial<ServiceImpl<typeof InternalRunService>> {
  return {
    async recordAction({ actionId, parent, group, inputUri, spec, recoveredFrom }) {
      const key = actionKey(actionId);
      const kind = kindOf(spec);
      // Without a parent it would be listed as a run.
      if (parent === "" && key.action !== rootAction) throw invalid("parent", "is required");
      const { org } = ctx.config;
      const createdAt = ctx.clock.now();
      const root = await ctx.store.actions.get({ ...key, action: rootAction }, { withTaskSpec: false });
      if (root === undefined) throw new ConnectError(`run ${runPath(key)} is not known`, Code.NotFound);
      const origin = { source: RunSource.UNSPECIFIED, ...(recoveredFrom ? { recoveredFrom } : {}) };
      const details = newActionDetails({ org, key, parent, group, createdAt, kind, ...origin });
      if (recoveredFrom !== undefined && kind.case === "condition") details.result = await resultOf(ctx, recoveredFrom);
      const taskSpec = kind.case === "task" ? { taskSpec: kind.spec } : {};
      const row = { ...key, createdAt, details, inputUri, runOutputBase: root.runOutputBase, ...taskSpec };
      if (await ctx.store.actions.create(row)) publishAction(ctx, key);
      return { ...(actionId ? { actionId } : {}), status: { code: 0 } };
    },
    async updateActionStatus({ actionId, status, abortReason }) {
      if (status === undefined) throw invalid("status", "is required");
      checkPhase(status.phase, "status.phase");
      await change(ctx, actionKey(actionId), (details) => applyStatus(details, status, abortReason ?? ""));
      return { ...(actionId ? { actionId } : {}), status: { code: 0 } };
    },
  };
}

/** A condition that was answered in the run which this one recovers has that answer. */
async function resultOf(ctx: Context, id: ActionIdentifier): Promise<ActionDetails["result"]> {
  const source = await ctx.store.actions.get(actionKey(id, "recovered_from"), { withTaskSpec: false });
  return source?.details.result ?? { case: undefined };
}

const phases: ReadonlySet<number> = new Set(Object.values(ActionPhase));

/** A phase that nobody knows could never be left again. */
function checkPhase(phase: ActionPhase, field: string): void {
  if (phase === ActionPhase.UNSPECIFIED || !phases.has(phase)) throw invalid(field, `${phase} is no phase`);
}

function kindOf(spec: Parameters<ServiceImpl<typeof InternalRunService>["recordAction"]>[0]["spec"]): ActionKind {
  if (spec.case === "task") {
    if (spec.value.spec === undefined) throw invalid("task.spec", "is required");
    return { case: "task", spec: spec.value.spec, ...(spec.value.id ? { id: spec.value.id } : {}) };
  }
  if (spec.case === undefined) throw invalid("spec", "one of task, trace, condition is required");
  return spec;
}

/** Ends an action that never came to run. */
export async function recordFailure(
  ctx: Context,
  key: ActionKey,
  phase: ActionPhase,
  error: { code: string; message: string },
): Promise<void> {
  const at = timestampFromMs(ctx.clock.now());
  const errorInfo = { ...error, kind: ErrorInfo_Kind.SYSTEM };
  const event = create(ActionEventSchema, {
    attempt: 1,
    phase,
    startTime: at,
    updatedTime: at,
    endTime: at,
    errorInfo,
  });
  await change(ctx, key, (details) => applyEvent(details, event));
  await change(ctx, key, (details) =>
    applyStatus(details, create(ActionStatusSchema, { phase, attempts: 1, endTime: at }), error.message),
  );
}
