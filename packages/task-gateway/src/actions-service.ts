/** ActionsService for task pods, from TaskActions: Enqueue = create, acknowledged when stored; WatchForUpdates = watch. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  abortReasonAnnotation,
  isTerminal,
  namespaceOf,
  type TaskAction,
  taskActionName,
  terminalPhase,
} from "@homeplane/idl";
import type {
  Action,
  ActionsService,
  WatchForUpdatesResponseSchema,
} from "@homeplane/idl/flyteidl2/actions/actions_service";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import type { ActionUpdate } from "@homeplane/idl/flyteidl2/workflow/state_service";
import { deleteWithReason, isAlreadyExists, isNotFound, type KubeClient, KubeError } from "@homeplane/kube";
import { updateOfChild, updateOfTrace } from "./action-update.ts";
import { assertActionName, childTaskAction } from "./child-task-action.ts";
import { type Children, taskActionType } from "./children.ts";
import type { Traces } from "./traces.ts";
import { Updates } from "./updates.ts";

type WatchMessage = MessageInitShape<typeof WatchForUpdatesResponseSchema>;

export interface ActionsServiceOptions {
  readonly client: KubeClient;
  readonly children: Children;
  readonly traces: Traces;
  /** Aborts when the gateway stops: watches end cleanly then (CANCELED would hang the parent for ever). */
  readonly stopping: AbortSignal;
}

export function actionsService({
  client,
  children,
  traces,
  stopping,
}: ActionsServiceOptions): Partial<ServiceImpl<typeof ActionsService>> {
  const liveParent = async (run: ActionIdentifier["run"], name: string, signal: AbortSignal): Promise<TaskAction> => {
    const { namespace, name: resource } = nameOf(run, name);
    const known = children.informer.get(`${namespace}/${resource}`);
    const parent =
      known ?? (await client.get(taskActionType, { namespace, name: resource }, { signal }).catch(converted));
    if (parent.metadata.deletionTimestamp !== undefined || terminalPhase(parent) !== undefined) {
      throw new ConnectError(
        `parent action ${name} has ended or is being aborted: it can start no more children`,
        Code.Aborted,
      );
    }
    return parent;
  };

  return {
    async enqueue({ action }, { signal }) {
      if (action?.actionId?.run === undefined)
        throw new ConnectError("action.action_id: is required", Code.InvalidArgument);
      if (!action.parentActionName)
        throw new ConnectError("action.parent_action_name: is required", Code.InvalidArgument);
      const parent = await liveParent(action.actionId.run, action.parentActionName, signal);
      switch (action.spec.case) {
        case "task":
          await createChild(client, childTaskAction(parent, action, action.spec.value), signal);
          return {};
        case "trace":
          if (!isTerminal(action.spec.value.phase))
            throw new ConnectError("action.trace.phase: a trace is recorded when it has ended", Code.InvalidArgument);
          assertActionName(action.actionId.name);
          await traces.record(parent.spec.runOutputBase ?? "", withRunOf(parent, action));
          return {};
        default:
          throw new ConnectError(
            `action.spec: ${action.spec.case ?? "nothing"} is not supported yet; use a task or a trace`,
            Code.InvalidArgument,
          );
      }
    },

    async *watchForUpdates({ filter }, { signal }): AsyncGenerator<WatchMessage> {
      const id = filter.case === "parentActionId" ? filter.value : undefined;
      const { namespace, name } = nameOf(id?.run, id?.name ?? "");
      const key = `${namespace}/${name}`;
      const stop = AbortSignal.any([signal, stopping]);
      if (!(await isSynced(children, stop))) return;
      const updates = new Updates<ActionUpdate>(stop);
      // Listening starts before the snapshot is taken: what changes meanwhile comes again, nothing is missed.
      const stops = [children.listen(key, (child) => updates.push(child.spec.actionName, updateOfChild(child)))];
      try {
        for (const child of children.of(key)) yield update(updateOfChild(child));
        const base =
          (
            children.informer.get(key) ??
            (await client.get(taskActionType, { namespace, name }, { signal }).catch(converted))
          ).spec.runOutputBase ?? "";
        stops.push(
          traces.listen(base, id?.name ?? "", (trace) =>
            updates.push(trace.action.actionId?.name ?? "", updateOfTrace(trace)),
          ),
        );
        for await (const trace of traces.of(base, id?.name ?? "")) {
          if (stop.aborted) return;
          yield update(updateOfTrace(trace));
        }
        yield {
          message: {
            case: "controlMessage",
            value: { $typeName: "flyteidl2.workflow.ControlMessage", sentinel: true },
          },
        };
        for await (const item of updates) yield update(item);
      } catch (error) {
        if (stop.aborted) return;
        throw ConnectError.from(error).code === Code.Canceled ? uncanceled(error) : error;
      } finally {
        for (const end of stops) end();
      }
    },

    async abort({ actionId, reason }, { signal }) {
      const { namespace, name } = nameOf(actionId?.run, actionId?.name ?? "");
      await deleteWithReason(
        client,
        taskActionType,
        { namespace, name },
        {
          annotation: abortReasonAnnotation,
          reason: reason ?? "aborted by its parent",
          unless: (found) => terminalPhase(found) !== undefined,
          signal,
        },
      ).catch(converted);
      return {};
    },
  };
}

/** False when the gateway stops, or the caller goes, before there is anything to tell. */
async function isSynced(children: Children, stop: AbortSignal): Promise<boolean> {
  const stopped = Promise.withResolvers<boolean>();
  const onAbort = (): void => stopped.resolve(false);
  stop.addEventListener("abort", onAbort);
  if (stop.aborted) onAbort();
  const synced = children.informer.synced.then(
    () => !stop.aborted,
    () => false,
  );
  try {
    return await Promise.race([synced, stopped.promise]);
  } finally {
    stop.removeEventListener("abort", onAbort);
  }
}

/** A watch that ends with CANCELED hangs its parent for ever; after UNAVAILABLE the SDK watches again. */
function uncanceled(error: unknown): ConnectError {
  return new ConnectError("the watch was interrupted", Code.Unavailable, undefined, undefined, error);
}

function update(value: ActionUpdate): WatchMessage {
  return { message: { case: "actionUpdate", value } };
}

/** Idempotent: the same child again is the child that is there. */
async function createChild(client: KubeClient, child: TaskAction, signal: AbortSignal): Promise<void> {
  try {
    await client.create(taskActionType, child, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) converted(error);
    const { namespace = "", name } = child.metadata;
    const existing = await client.get(taskActionType, { namespace, name }, { signal }).catch((gone: unknown) => {
      // It went between the two calls; the SDK asks again on UNAVAILABLE, NOT_FOUND would fail the child.
      if (isNotFound(gone))
        throw new ConnectError(`TaskAction ${namespace}/${name} is just being removed`, Code.Unavailable);
      return converted(gone);
    });
    const { runName, actionName, parentActionName } = existing.spec;
    if (
      runName === child.spec.runName &&
      actionName === child.spec.actionName &&
      parentActionName === child.spec.parentActionName
    )
      return;
    throw new ConnectError(
      `TaskAction ${namespace}/${name} belongs to action ${actionName} of run ${runName}`,
      Code.InvalidArgument,
      undefined,
      undefined,
      error,
    );
  }
}

/** A trace carries the run of its parent, whatever organisation the pod thinks it is in. */
function withRunOf({ spec }: TaskAction, action: Action): Action {
  const run = {
    $typeName: "flyteidl2.common.RunIdentifier" as const,
    org: spec.org ?? "",
    project: spec.project,
    domain: spec.domain,
    name: spec.runName,
  };
  return {
    ...action,
    actionId: { $typeName: "flyteidl2.common.ActionIdentifier", run, name: action.actionId?.name ?? "" },
  };
}

function nameOf(run: ActionIdentifier["run"], action: string): { namespace: string; name: string } {
  if (!run?.project || !run.domain || !run.name)
    throw new ConnectError("action_id.run: project, domain and name are required", Code.InvalidArgument);
  if (action === "") throw new ConnectError("action_id.name: is required", Code.InvalidArgument);
  return { namespace: namespaceOf(run.project, run.domain), name: taskActionName(run.name, action) };
}

/** The API's refusals in the words that the SDK acts on: UNAVAILABLE backs off and tries again, INVALID_ARGUMENT fails the action. */
function converted(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  if (isNotFound(error)) throw new ConnectError(error.message, Code.NotFound, undefined, undefined, error);
  const final = error.status === 422 || error.status === 413 || error.status === 400;
  throw new ConnectError(error.message, final ? Code.InvalidArgument : Code.Unavailable, undefined, undefined, error);
}
