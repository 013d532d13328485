import { type TaskAction, type TaskActionStatus, taskActionFinalizer } from "@homeplane/idl";
import { projectTaskAction, type TaskActionView, taskActionType } from "../resource.ts";
import type { Deps } from "./deps.ts";

function nameOf({ metadata }: TaskAction): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

/** Patches the status on the condition that the resource is still the one that was decided on; Conflict (409) otherwise. */
export async function writeStatus(
  deps: Deps,
  taskAction: TaskAction,
  status: TaskActionStatus,
  signal: AbortSignal,
): Promise<TaskActionView> {
  const patch = {
    metadata: { resourceVersion: taskAction.metadata.resourceVersion, uid: taskAction.metadata.uid },
    status,
  };
  const written = await deps.client.patch(taskActionType, nameOf(taskAction), patch, { subresource: "status", signal });
  const projected = projectTaskAction(written);
  deps.fresh.note(projected);
  return projected;
}

export async function writeLabels(
  deps: Deps,
  taskAction: TaskAction,
  labels: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { uid: taskAction.metadata.uid, labels } };
  deps.fresh.note(projectTaskAction(await deps.client.patch(taskActionType, nameOf(taskAction), patch, { signal })));
}

export async function writeAnnotation(
  deps: Deps,
  taskAction: TaskAction,
  key: string,
  value: string,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { uid: taskAction.metadata.uid, annotations: { [key]: value } } };
  deps.fresh.note(projectTaskAction(await deps.client.patch(taskActionType, nameOf(taskAction), patch, { signal })));
}

export async function removeFinalizer(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<void> {
  const { uid, resourceVersion, finalizers = [] } = taskAction.metadata;
  const left = finalizers.filter((finalizer) => finalizer !== taskActionFinalizer);
  await deps.client.patch(
    taskActionType,
    nameOf(taskAction),
    { metadata: { uid, resourceVersion, finalizers: left } },
    { signal },
  );
}

/** The whole resource, as it is now; `undefined` when it is gone or another one has its name. */
export async function readLive(
  deps: Deps,
  taskAction: TaskAction,
  signal: AbortSignal,
): Promise<TaskAction | undefined> {
  const live = await deps.client.get(taskActionType, nameOf(taskAction), { signal });
  return live.metadata.uid === taskAction.metadata.uid ? live : undefined;
}
