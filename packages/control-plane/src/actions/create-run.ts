/**
 * CreateRun. The request id is the idempotency key: the SDK repeats a call whose reply was lost with the same `x-request-id`, and
 * gets the run that the first one made. The run, its root action and the order to start it are stored in one transaction.
 */
import { createHash, randomUUID } from "node:crypto";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { ActionSpecSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type CreateRunRequest, CreateRunRequestSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { cacheKey } from "../cache/cache-key.ts";
import type { Context } from "../context.ts";
import { actionIdentifier } from "../services/identifiers.ts";
import { runChanges } from "../services/run-watches.ts";
import { effectiveSettings } from "../services/settings-service.ts";
import type { ActionRow, RunKey } from "../store/port.ts";
import type { Firing, TriggerRow } from "../store/trigger-port.ts";
import { expandTrigger } from "../triggers/expand.ts";
import { triggerIdentifier } from "../triggers/trigger-id.ts";
import { checkImageBuild } from "./check-image-build.ts";
import { applySettings } from "./apply-settings.ts";
import { newActionDetails } from "./new-action.ts";
import { hashOfInputs, requireServed, resolveInputs, runBase } from "./run-inputs.ts";
import { nameTaken, resolveTarget } from "./run-name.ts";
import { resolveTask } from "./run-task.ts";
import { checkTask } from "./check-task.ts";
import { writeRecovery } from "./recovery.ts";
import { checkRecover, forgetsStart, relationOf } from "./relation.ts";

export const rootAction = "a0";

/** `firing`: of the trigger that the request names, when its time has come. */
export async function createRun(
  ctx: Context,
  asked: CreateRunRequest,
  requestId: string,
  firing?: Firing,
): Promise<ActionRow> {
  const id = requestId === "" ? randomUUID() : idempotencyKey(asked, requestId);
  const target = await resolveTarget(ctx, asked);
  // The name first, the key second: a first call that is stored in between is found by one of the two.
  const taken = (await ctx.store.runs.get(target)) !== undefined;
  const earlier = await ctx.store.runs.byRequestId(id);
  if (earlier !== undefined) {
    if (firing !== undefined) await ctx.store.triggers.advance(firing);
    return loadRoot(ctx, earlier);
  }
  // Before inputs are written: those of the run that has the name must stay as they are.
  if (taken) throw refusal(asked, target);
  const { request, trigger } = await expandTrigger(ctx, asked, target);
  const { taskId, spec } = await resolveTask(ctx, request);
  checkTask(spec, "task_spec");
  const now = ctx.clock.now();
  const ownSpec = request.runSpec ? clone(RunSpecSchema, request.runSpec) : create(RunSpecSchema);
  const runSpec = applySettings(ownSpec, await effectiveSettings(ctx, target));
  checkRecover(runSpec);
  const relation = relationOf(ctx, runSpec);
  const ownStart = forgetsStart(runSpec) ? undefined : runSpec.runStartTime;
  runSpec.runStartTime = request.runStartTime ?? ownStart ?? timestampFromMs(now);
  const key = { ...target, action: rootAction };
  const inputUri = await resolveInputs(ctx, request, target);
  await checkImageBuild(ctx, taskId, inputUri, target);
  // A base of the user's choice, which a rerun takes over: two runs never share a place, as their actions have equal names.
  const chosen = runSpec.runBaseDir && `${runSpec.runBaseDir.replace(/\/+$/, "")}/${target.run}`;
  const runOutputBase = chosen || (await runBase(ctx, target, inputUri));
  await requireServed(
    ctx,
    target,
    runOutputBase,
    runSpec.runBaseDir ? "run_spec.run_base_dir" : "offloaded_input_data.uri",
  );
  await writeRecovery(ctx, target, runOutputBase, relation, runSpec);
  const kind = { case: "task" as const, spec, ...(taskId ? { id: taskId } : {}) };
  const root: ActionRow = {
    ...key,
    createdAt: now,
    inputUri,
    runOutputBase,
    taskSpec: spec,
    details: newActionDetails({
      org: ctx.config.org,
      key,
      parent: "",
      group: "",
      createdAt: now,
      source: request.source,
      kind,
      ...(relation ? { relation } : {}),
      ...(trigger === undefined ? {} : { trigger: triggerMetadata(ctx, trigger) }),
    }),
  };
  const labels = runSpec.labels?.values ?? {};
  const cached = cacheKey(hashOfInputs(request, spec.taskTemplate), spec.taskTemplate);
  const task = { ...(taskId ? { id: taskId } : {}), spec, ...(cached === undefined ? {} : { cacheKey: cached }) };
  const order = create(OrderSchema, {
    order: {
      case: "start",
      value: {
        labels,
        spec: create(ActionSpecSchema, {
          actionId: actionIdentifier(ctx.config.org, key),
          runSpec,
          inputUri,
          runOutputBase,
          spec: { case: "task", value: task },
        }),
      },
    },
  });
  const triggerName = trigger?.name ?? "";
  const run = { ...target, createdAt: now, labels, source: request.source, spec: runSpec, triggerName };
  const onDemand = trigger && { key: trigger, revision: trigger.revision, triggeredAt: now };
  const made = await ctx.store.runs.create(run, root, order, id, firing ?? onDemand);
  if (made === "exists") throw refusal(request, target);
  if (made === "stale") {
    const code = firing === undefined ? Code.Unavailable : Code.Aborted;
    throw new ConnectError("the trigger was changed just now: call again", code);
  }
  for (const topic of ["orders", runChanges]) ctx.changes.publish(topic);
  return loadRoot(ctx, made);
}

/**
 * A repetition is the same request under the same id. The id alone is not enough: within a task the SDK makes it of the action's
 * name and four random characters, so that two different requests of one busy task can carry the same one.
 */
function idempotencyKey(request: CreateRunRequest, requestId: string): string {
  return createHash("sha256").update(`${requestId}\n`).update(toBinary(CreateRunRequestSchema, request)).digest("hex");
}

/** A name that nobody chose is taken only in a race of two requests on one upload; the next try gets another name. */
function refusal(request: CreateRunRequest, target: RunKey): ConnectError {
  if (request.id.case === "runId") return nameTaken(target);
  return new ConnectError(`another request took the name ${target.run} just now: call again`, Code.Unavailable);
}

function triggerMetadata(ctx: Context, trigger: TriggerRow) {
  return {
    triggerId: triggerIdentifier(ctx.config.org, trigger),
    triggerName: trigger.name,
    triggerType: trigger.automation,
  };
}

async function loadRoot(ctx: Context, key: RunKey): Promise<ActionRow> {
  const row = await ctx.store.actions.get({ ...key, action: rootAction }, { withTaskSpec: false });
  if (row === undefined) throw new ConnectError(`run ${key.run} has lost its root action`, Code.DataLoss);
  return row;
}
