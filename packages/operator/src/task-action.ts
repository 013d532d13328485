import { toBinary } from "@bufbuild/protobuf";
import {
  labels,
  labelValue,
  maxTemplateBytes,
  namespaceOf,
  type TaskAction,
  taskActionFinalizer,
  taskActionName,
  taskActions,
} from "@homeplane/idl";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { TaskIdentifierSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { StartAction } from "@homeplane/idl/homeplane/v1/orchestration";

export class InvalidOrderError extends Error {
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = "InvalidOrderError";
  }
}

/** The TaskAction of a root action. Throws InvalidOrderError. */
export function taskActionOf({ spec, labels: userLabels }: StartAction): TaskAction {
  const run = spec?.actionId?.run;
  const action = spec?.actionId?.name;
  if (spec === undefined || run === undefined || !action) throw new InvalidOrderError("spec.action_id", "is required");
  if (spec.spec.case !== "task") throw new InvalidOrderError("spec.spec", "a root action must be a task");
  const { id, spec: taskSpec, cacheKey } = spec.spec.value;
  const template = taskSpec?.taskTemplate;
  if (taskSpec === undefined || template === undefined)
    throw new InvalidOrderError("spec.task.spec.task_template", "is required");
  const templateBytes = toBinary(TaskTemplateSchema, template);
  if (templateBytes.length > maxTemplateBytes) {
    throw new InvalidOrderError(
      "spec.task.spec.task_template",
      `is ${templateBytes.length} bytes, the limit is ${maxTemplateBytes}`,
    );
  }
  const envVars = Object.fromEntries((spec.runSpec?.envs?.values ?? []).map(({ key, value }) => [key, value]));
  const own = {
    [labels.project]: labelValue(run.project),
    [labels.domain]: labelValue(run.domain),
    [labels.run]: labelValue(run.name),
    [labels.action]: labelValue(action),
    [labels.actionType]: "task",
    [labels.isRoot]: "true",
  };
  return {
    apiVersion: `${taskActions.group}/${taskActions.version}`,
    kind: taskActions.kind,
    metadata: {
      name: taskActionName(run.name, action),
      namespace: namespaceOf(run.project, run.domain),
      labels: { ...safeLabels(userLabels), ...own },
      finalizers: [taskActionFinalizer],
    },
    spec: {
      runName: run.name,
      actionName: action,
      project: run.project,
      domain: run.domain,
      org: run.org,
      actionType: "task",
      inputUri: spec.inputUri,
      runOutputBase: spec.runOutputBase,
      taskType: template.type.slice(0, 63),
      shortName: taskSpec.shortName.slice(0, 63),
      taskTemplate: Buffer.from(templateBytes).toString("base64"),
      envVars,
      ...(spec.runSpec?.interruptible === undefined ? {} : { interruptible: spec.runSpec.interruptible }),
      ...(cacheKey ? { cacheKey } : {}),
      ...(spec.runSpec ? { runSpec: Buffer.from(toBinary(RunSpecSchema, spec.runSpec)).toString("base64") } : {}),
      ...(id ? { taskId: Buffer.from(toBinary(TaskIdentifierSchema, id)).toString("base64") } : {}),
    },
  } as const satisfies TaskAction;
}

/** A user's labels go on the resource where Kubernetes takes them; none may pretend to be ours. */
function safeLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const key = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
  const value = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
  const own = /^(flyte\.org|homeplane\.dev|([^/]*\.)?(kubernetes|k8s)\.io)\//;
  return Object.fromEntries(Object.entries(labels).filter(([k, v]) => key.test(k) && value.test(v) && !own.test(k)));
}
