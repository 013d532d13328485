import { type TaskAction, taskActions } from "@homeplane/idl";
import type { ResourceType } from "@homeplane/kube";

export const taskActionType: ResourceType<TaskAction> = taskActions;

/** What the informer keeps of a TaskAction: all but the two large blobs, which are read when a pod is built. */
export function projectTaskAction(object: TaskAction): TaskAction {
  const { taskTemplate, runSpec: _runSpec, conditionSpec: _conditionSpec, ...spec } = object.spec;
  const { metadata, status } = object;
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
  };
}

export function keyOfTaskAction(taskAction: TaskAction): string {
  return `${taskAction.metadata.namespace}/${taskAction.metadata.name}`;
}
