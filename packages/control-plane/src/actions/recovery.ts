/**
 * RunSpec.relation RECOVER: what the other run has done is not done again. Which actions those are is written beside the new run's data before the
 * run is stored, so that the data plane needs nobody to ask while it runs.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { recoveryFile } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { type Relation, RelationType } from "@homeplane/idl/flyteidl2/common/run";
import type { RunSpec } from "@homeplane/idl/flyteidl2/task/run";
import type { ActionDetails } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import {
  type RecoveredAction,
  RecoveredActionSchema,
  type RecoverySource,
  RecoverySourceSchema,
} from "@homeplane/idl/homeplane/v1/recovery";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { invalid, runKey, runPath } from "../services/identifiers.ts";
import type { ActionRow, RunKey } from "../store/port.ts";
import { rootAction } from "./create-run.ts";

/** What one PutObject carries: some 40,000 actions. */
const maxBytes = 10 << 20;
const page = 1_000;
const succeeded = [ActionPhase.SUCCEEDED, ActionPhase.RECOVERED];

export async function writeRecovery(
  ctx: Context,
  target: RunKey,
  runOutputBase: string,
  relation: Relation | undefined,
  { recover }: RunSpec,
): Promise<void> {
  if (relation?.relationType !== RelationType.RECOVER) return;
  const source = runKey(relation.relatedTo, "run_spec.relation.related_to");
  if (source.project !== target.project || source.domain !== target.domain)
    throw invalid("run_spec.relation.related_to", `is in another project or domain than the new run`);
  const root = await ctx.store.actions.get({ ...source, action: rootAction }, { withTaskSpec: false });
  if (root === undefined)
    throw new ConnectError(`run_spec.relation.related_to: there is no run ${runPath(source)}`, Code.NotFound);
  const again = new Set(recover?.forceRerunActions ?? []);
  // What it has taken over itself, and what of that it never reported: a trace that is told to a task is not enqueued again.
  const actions: Record<string, RecoveredAction> = { ...(await takenOver(ctx, root)) };
  for (const name of again) delete actions[name];
  for await (const details of doneIn(ctx, source)) {
    const name = details.id?.name ?? "";
    const done = name === rootAction || again.has(name) ? undefined : recovered(details);
    if (done !== undefined) actions[name] = done;
  }
  const content = toBinary(RecoverySourceSchema, create(RecoverySourceSchema, { actions }));
  if (content.length > maxBytes)
    throw invalid(
      "run_spec.relation.related_to",
      `run ${source.run} has ${Object.keys(actions).length} actions to recover, which is more than can be: rerun it instead`,
    );
  const nativeUrl = `${runOutputBase}/${recoveryFile}`;
  await ctx.dataPlane.objects.putObject({ nativeUrl, content }, { timeoutMs: dataPlaneTimeoutMs });
}

async function takenOver(ctx: Context, { details, runOutputBase }: ActionRow): Promise<RecoverySource["actions"]> {
  if (details.metadata?.relation?.relationType !== RelationType.RECOVER) return {};
  try {
    const nativeUrl = `${runOutputBase}/${recoveryFile}`;
    const { content } = await ctx.dataPlane.objects.getObject({ nativeUrl }, { timeoutMs: dataPlaneTimeoutMs });
    return fromBinary(RecoverySourceSchema, content).actions;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return {};
    throw error;
  }
}

async function* doneIn(ctx: Context, source: RunKey): AsyncGenerator<ActionDetails> {
  const query = {
    ...source,
    rootsOnly: false,
    ascending: true,
    limit: page,
    filters: [{ field: "phase" as const, op: "in" as const, values: succeeded }],
  };
  for (let after: Awaited<ReturnType<typeof ctx.store.actions.list>>["next"]; ; ) {
    const { rows, next } = await ctx.store.actions.list({ ...query, ...(after ? { after } : {}) });
    for (const { details } of rows) yield details;
    if (next === undefined) return;
    after = next;
  }
}

/** `undefined` when there is nothing to take over: it has left no address, no answer. */
function recovered({ id, metadata, attempts, result }: ActionDetails): RecoveredAction | undefined {
  const outcome = ((): RecoveredAction["outcome"] | undefined => {
    if (metadata?.spec.case === "condition") {
      const value = result.case === "signalInfo" ? result.value.output : undefined;
      return value && { case: "signal", value };
    }
    const value = attempts.findLast((attempt) => attempt.outputs?.outputUri)?.outputs?.outputUri;
    if (!value) return undefined;
    return { case: metadata?.spec.case === "trace" ? "traceOutputUri" : "taskOutputUri", value };
  })();
  if (outcome === undefined) return undefined;
  const parentActionName = metadata?.parent ?? "";
  return create(RecoveredActionSchema, { ...(id ? { source: id } : {}), parentActionName, outcome });
}
