/** What every child's resource has in common: its context comes from its parent's, never from the pod. Pure. */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  labels,
  labelValue,
  type TaskAction,
  type TaskActionSpec,
  taskActionFinalizer,
  taskActionName,
  taskActions,
} from "@homeplane/idl";
import type { Action } from "@homeplane/idl/flyteidl2/actions/actions_service";

export function invalid(field: string, problem: string): ConnectError {
  return new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
}

/** It becomes part of names and of addresses in the object store: nothing in it may lead elsewhere. */
export function assertActionName(name: string): void {
  if (/^[A-Za-z0-9][-A-Za-z0-9_.]{0,29}$/.test(name)) return;
  const shown = name.length > 100 ? `${name.slice(0, 100)}...` : name;
  throw invalid("action.action_id.name", `"${shown}" must be 1 to 30 letters, digits, dashes, underscores, dots`);
}

/** `own` is what the child is; the rest of its spec, and the labels, are its parent's. */
export function childResource(
  { spec, metadata }: TaskAction,
  action: Action,
  own: Partial<TaskActionSpec> & Required<Pick<TaskActionSpec, "actionType">>,
): TaskAction {
  const name = action.actionId?.name ?? "";
  assertActionName(name);
  const inherited = Object.entries(metadata.labels ?? {}).filter(
    ([key]) => key !== labels.terminationStatus && key !== labels.completedTime,
  );
  const apiVersion = `${taskActions.group}/${taskActions.version}` as const;
  const { kind } = taskActions;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "" };
  return {
    apiVersion,
    kind,
    metadata: {
      name: taskActionName(spec.runName, name),
      namespace: metadata.namespace ?? "",
      labels: {
        ...Object.fromEntries(inherited),
        [labels.action]: labelValue(name),
        [labels.actionType]: own.actionType,
        [labels.isRoot]: "false",
      },
      finalizers: [taskActionFinalizer],
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      runName: spec.runName,
      actionName: name,
      parentActionName: spec.actionName,
      project: spec.project,
      domain: spec.domain,
      inputUri: action.inputUri,
      runOutputBase: spec.runOutputBase ?? "",
      group: action.group.slice(0, 256),
      ...(spec.org === undefined ? {} : { org: spec.org }),
      ...(spec.envVars === undefined ? {} : { envVars: spec.envVars }),
      ...(spec.runSpec === undefined ? {} : { runSpec: spec.runSpec }),
      ...(spec.interruptible === undefined ? {} : { interruptible: spec.interruptible }),
      ...own,
    },
  };
}
