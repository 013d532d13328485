import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  labels,
  labelValue,
  maxTemplateBytes,
  type TaskAction,
  taskActionFinalizer,
  taskActionName,
  taskActions,
} from "@homeplane/idl";
import type { Action } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { TaskIdentifierSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { TaskAction as TaskSpecAction } from "@homeplane/idl/flyteidl2/workflow/run_definition";

function invalid(field: string, problem: string): ConnectError {
  return new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
}

/** It becomes part of names and of addresses in the object store: nothing in it may lead elsewhere. */
export function assertActionName(name: string): void {
  if (/^[A-Za-z0-9][-A-Za-z0-9_.]{0,29}$/.test(name)) return;
  throw invalid("action.action_id.name", `"${name}" must be 1 to 30 letters, digits, dashes, underscores, dots`);
}

/**
 * The TaskAction of a child. What it runs comes from the request; the context in which it runs (run spec, environment, organisation, labels)
 * from its parent's resource, never from the pod.
 */
export function childTaskAction(parent: TaskAction, action: Action, task: TaskSpecAction): TaskAction {
  const name = action.actionId?.name ?? "";
  const template = task.spec?.taskTemplate;
  assertActionName(name);
  if (template === undefined) throw invalid("action.task.spec.task_template", "is required");
  const bytes = toBinary(TaskTemplateSchema, template);
  if (bytes.length > maxTemplateBytes) {
    throw invalid(
      "action.task.spec.task_template",
      `is ${bytes.length} bytes, the limit is ${maxTemplateBytes}: pass large values as inputs`,
    );
  }
  const { spec, metadata } = parent;
  const own = { [labels.action]: labelValue(name), [labels.actionType]: "task", [labels.isRoot]: "false" };
  const inherited = Object.entries(metadata.labels ?? {}).filter(
    ([key]) => key !== labels.terminationStatus && key !== labels.completedTime,
  );
  const owner = {
    apiVersion: `${taskActions.group}/${taskActions.version}`,
    kind: taskActions.kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: `${taskActions.group}/${taskActions.version}`,
    kind: taskActions.kind,
    metadata: {
      name: taskActionName(spec.runName, name),
      namespace: metadata.namespace ?? "",
      labels: { ...Object.fromEntries(inherited), ...own },
      finalizers: [taskActionFinalizer],
      ownerReferences: [owner],
    },
    spec: {
      runName: spec.runName,
      actionName: name,
      parentActionName: spec.actionName,
      project: spec.project,
      domain: spec.domain,
      actionType: "task",
      inputUri: action.inputUri,
      runOutputBase: spec.runOutputBase ?? "",
      taskType: template.type.slice(0, 63),
      shortName: (task.spec?.shortName ?? "").slice(0, 63),
      taskTemplate: Buffer.from(bytes).toString("base64"),
      group: action.group.slice(0, 256),
      ...(spec.org === undefined ? {} : { org: spec.org }),
      ...(spec.envVars === undefined ? {} : { envVars: spec.envVars }),
      ...(spec.runSpec === undefined ? {} : { runSpec: spec.runSpec }),
      ...(spec.interruptible === undefined ? {} : { interruptible: spec.interruptible }),
      ...(task.cacheKey ? { cacheKey: task.cacheKey } : {}),
      ...(task.id ? { taskId: Buffer.from(toBinary(TaskIdentifierSchema, task.id)).toString("base64") } : {}),
    },
  };
}
