/** The answer to a condition, written into its status once. The executor ends the condition with it. */
import { toBinary } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { namespaceOf, type TaskAction, taskActionName, taskActions, terminalPhase } from "@homeplane/idl";
import { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import type { SignalCondition } from "@homeplane/idl/homeplane/v1/orchestration";
import { isNotFound, type KubeClient, type ResourceType } from "@homeplane/kube";
import type { Refusal } from "./orders.ts";
import { InvalidOrderError } from "./task-action.ts";

const taskActionType: ResourceType<TaskAction> = taskActions;

/** Throws on a conflict too: the order is tried again on what is there then. */
export async function signalCondition(
  client: KubeClient,
  { actionId, value, signalledBy, signalledAt }: SignalCondition,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const run = actionId?.run;
  if (actionId === undefined || run === undefined) throw new InvalidOrderError("action_id", "is required");
  if (value === undefined) throw new InvalidOrderError("value", "is required");
  const name = { namespace: namespaceOf(run.project, run.domain), name: taskActionName(run.name, actionId.name) };
  const found = await client.get(taskActionType, name, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const signalValue = Buffer.from(toBinary(LiteralSchema, value)).toString("base64");
  if (found === undefined)
    return { code: "ConditionGone", message: `there is no TaskAction ${name.namespace}/${name.name}` };
  // The same order once more: done already.
  if (found.status?.signalValue === signalValue) return undefined;
  const refusal = refusalOf(found);
  if (refusal !== undefined) return refusal;
  const status = {
    signalValue,
    signalledBy,
    ...(signalledAt ? { signalledAt: timestampDate(signalledAt).toISOString() } : {}),
  };
  const { uid, resourceVersion } = found.metadata;
  await client.patch(
    taskActionType,
    name,
    { metadata: { uid, resourceVersion }, status },
    { subresource: "status", signal },
  );
  return undefined;
}

function refusalOf(taskAction: TaskAction): Refusal | undefined {
  const { spec, status, metadata } = taskAction;
  const what = `action ${spec.actionName} of run ${spec.runName}`;
  if (spec.actionType !== "condition") return { code: "NotACondition", message: `${what} is no condition` };
  if (status?.signalValue !== undefined) return { code: "AlreadySignaled", message: `${what} has its answer already` };
  const phase = terminalPhase(taskAction) ?? (metadata.deletionTimestamp === undefined ? undefined : "ABORTED");
  return phase === undefined ? undefined : { code: "ConditionEnded", message: `${what} is ${phase} already` };
}
