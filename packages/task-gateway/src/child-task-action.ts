/** Children that become resources: tasks and conditions. Pure. */
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { maxTemplateBytes, type TaskAction } from "@homeplane/idl";
import type { Action } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { TaskIdentifierSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  type ConditionAction,
  ConditionActionSchema,
  type TaskAction as TaskSpecAction,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { childResource, invalid } from "./child-resource.ts";

export function childTaskAction(parent: TaskAction, action: Action, task: TaskSpecAction): TaskAction {
  const template = task.spec?.taskTemplate;
  if (template === undefined) throw invalid("action.task.spec.task_template", "is required");
  return childResource(parent, action, {
    actionType: "task",
    taskType: template.type.slice(0, 63),
    shortName: (task.spec?.shortName ?? "").slice(0, 63),
    taskTemplate: encoded("action.task.spec.task_template", TaskTemplateSchema, template),
    ...(task.cacheKey ? { cacheKey: task.cacheKey } : {}),
    ...(task.id ? { taskId: encoded("action.task.id", TaskIdentifierSchema, task.id) } : {}),
  });
}

export function childCondition(parent: TaskAction, action: Action, condition: ConditionAction): TaskAction {
  if (condition.name === "") throw invalid("action.condition.name", "is required");
  if (condition.type?.type.case !== "simple")
    throw invalid("action.condition.type", "must be one of boolean, integer, float, string");
  // Left out in silence, nobody would hear of it and the task would wait.
  if (condition.webhook !== undefined) {
    const way = "leave it out, and answer by `flyte signal condition`";
    throw invalid("action.condition.webhook", `this version sends none: ${way}`);
  }
  return childResource(parent, action, {
    actionType: "condition",
    shortName: condition.name.slice(0, 63),
    conditionSpec: encoded("action.condition", ConditionActionSchema, condition),
  });
}

function encoded<D extends DescMessage>(field: string, schema: D, message: MessageShape<D>): string {
  const bytes = toBinary(schema, message);
  if (bytes.length > maxTemplateBytes)
    throw invalid(field, `is ${bytes.length} bytes, the limit is ${maxTemplateBytes}: pass large values as inputs`);
  return Buffer.from(bytes).toString("base64");
}
