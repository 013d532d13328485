/** Enqueue: the child is stored when it is acknowledged; the same child again is the child that is there. */
import { Code, ConnectError } from "@connectrpc/connect";
import { isTerminal, type TaskAction, terminalPhase } from "@homeplane/idl";
import type { Action } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { isAlreadyExists, isNotFound, type KubeClient, type ObjectName } from "@homeplane/kube";
import { assertActionName, invalid } from "./child-resource.ts";
import { childCondition, childTaskAction } from "./child-task-action.ts";
import { type Children, taskActionType } from "./children.ts";
import type { Recoveries } from "./recoveries.ts";
import { converted, resourceName } from "./resource-calls.ts";
import type { Traces } from "./traces.ts";

export interface EnqueueOptions {
  readonly client: KubeClient;
  readonly children: Children;
  readonly traces: Traces;
  readonly recoveries: Recoveries;
}

export async function enqueue(options: EnqueueOptions, action: Action | undefined, signal: AbortSignal): Promise<void> {
  if (action?.actionId?.run === undefined) throw invalid("action.action_id", "is required");
  if (!action.parentActionName) throw invalid("action.parent_action_name", "is required");
  const parent = await liveParent(options, action.actionId.run, action.parentActionName, signal);
  const { spec } = action;
  switch (spec.case) {
    case "task":
      return create(options, parent, childTaskAction(parent, action, spec.value), signal);
    case "condition":
      return create(options, parent, childCondition(parent, action, spec.value), signal);
    case "trace":
      if (!isTerminal(spec.value.phase)) throw invalid("action.trace.phase", "a trace is recorded when it has ended");
      assertActionName(action.actionId.name);
      return options.traces.record(parent, withRunOf(parent, action));
    default:
      throw invalid("action.spec", "one of task, trace, condition is required");
  }
}

/** As the informer has it, else as the API has it: what was enqueued a moment ago is there. */
export async function findAction(
  { client, children }: Pick<EnqueueOptions, "client" | "children">,
  name: Required<ObjectName>,
  signal: AbortSignal,
): Promise<TaskAction> {
  const known = children.informer.get(`${name.namespace}/${name.name}`);
  return known ?? (await client.get(taskActionType, name, { signal }).catch(converted));
}

async function liveParent(
  options: EnqueueOptions,
  run: NonNullable<Action["actionId"]>["run"],
  action: string,
  signal: AbortSignal,
): Promise<TaskAction> {
  const parent = await findAction(options, resourceName(run, action), signal);
  if (parent.metadata.deletionTimestamp === undefined && terminalPhase(parent) === undefined) return parent;
  throw new ConnectError(
    `parent action ${action} has ended or is being aborted: it can start no more children`,
    Code.Aborted,
  );
}

async function create(
  { client, recoveries }: EnqueueOptions,
  parent: TaskAction,
  child: TaskAction,
  signal: AbortSignal,
): Promise<void> {
  const recovered = await recoveries.of(parent, child);
  const wanted = recovered === undefined ? child : { ...child, spec: { ...child.spec, recovered } };
  try {
    await client.create(taskActionType, wanted, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) converted(error);
    await assertSame(client, child, error, signal);
  }
}

async function assertSame(client: KubeClient, child: TaskAction, cause: unknown, signal: AbortSignal): Promise<void> {
  const { namespace = "", name } = child.metadata;
  const { spec } = await client.get(taskActionType, { namespace, name }, { signal }).catch((gone: unknown) => {
    // It went between the two calls; the SDK asks again on UNAVAILABLE, NOT_FOUND would fail the child.
    if (!isNotFound(gone)) return converted(gone);
    throw new ConnectError(`TaskAction ${namespace}/${name} is just being removed`, Code.Unavailable);
  });
  const identity = ["runName", "actionName", "parentActionName", "actionType"] as const;
  if (identity.every((field) => spec[field] === child.spec[field])) return;
  const owner = `action ${spec.actionName} of run ${spec.runName} (${spec.actionType ?? "task"}, child of ${spec.parentActionName ?? "nobody"})`;
  throw new ConnectError(
    `TaskAction ${namespace}/${name} belongs to ${owner}`,
    Code.InvalidArgument,
    undefined,
    undefined,
    cause,
  );
}

/** A trace carries the run of its parent, whatever organisation the pod thinks it is in. */
function withRunOf({ spec }: TaskAction, action: Action): Action {
  const { org = "", project, domain, runName } = spec;
  const run = { $typeName: "flyteidl2.common.RunIdentifier" as const, org, project, domain, name: runName };
  const name = action.actionId?.name ?? "";
  return { ...action, actionId: { $typeName: "flyteidl2.common.ActionIdentifier", run, name } };
}
