import { type TaskAction, taskActions } from "@homeplane/idl";
import type { ResourceType } from "@homeplane/kube";
import { templateMetadata } from "./pod/template-metadata.ts";
import { type TimeLimits, timeLimitsOf } from "./reconcile/time-limits.ts";

export const taskActionType: ResourceType<TaskAction> = taskActions;

/** A TaskAction as the executor keeps it in memory: without its large blobs, but with the bounds on its time that stand in one of them. */
export interface TaskActionView extends TaskAction {
  readonly limits?: TimeLimits;
}

/** What the informer keeps of a TaskAction: all but the large blobs, which are read when a pod is built. */
export function projectTaskAction(object: TaskAction): TaskActionView {
  const { taskTemplate, runSpec: _runSpec, conditionSpec: _conditionSpec, ...spec } = object.spec;
  const { metadata, status } = object;
  const limits = limitsIn(taskTemplate);
  const kept = { name: metadata.name, namespace: metadata.namespace ?? "", uid: metadata.uid ?? "" };
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      ...kept,
      resourceVersion: metadata.resourceVersion ?? "",
      creationTimestamp: metadata.creationTimestamp ?? "",
      ...(metadata.deletionTimestamp ? { deletionTimestamp: metadata.deletionTimestamp } : {}),
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata.finalizers ? { finalizers: metadata.finalizers } : {}),
      ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
    },
    // An empty template tells "there is one" from "there is none" without keeping it.
    spec: { ...spec, ...(taskTemplate === undefined ? {} : { taskTemplate: "" }) },
    ...(status ? { status } : {}),
    ...(limits ? { limits } : {}),
  };
}

/** A template that can not be read has none; its action ends as InvalidSpec when its pod is to be built. */
function limitsIn(taskTemplate: string | undefined): TimeLimits | undefined {
  if (!taskTemplate) return undefined;
  try {
    return timeLimitsOf(templateMetadata(taskTemplate));
  } catch {
    return undefined;
  }
}

export function keyOfTaskAction(taskAction: TaskAction): string {
  return `${taskAction.metadata.namespace}/${taskAction.metadata.name}`;
}
