import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { TaskActionSpec } from "@homeplane/idl";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { TaskIdentifierSchema, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  type RecordActionRequest,
  RecordActionRequestSchema,
} from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { ConditionActionSchema, TaskActionSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RecoveredActionSchema } from "@homeplane/idl/homeplane/v1/recovery";
import { isNotFound, type KubeClient } from "@homeplane/kube";
import { taskActionType } from "../resource.ts";
import type { ActionReport } from "./action-report.ts";

/** A child's spec for the control plane, from the whole resource; `undefined` when that is gone. */
export async function recordRequest(
  client: KubeClient,
  report: ActionReport,
  signal: AbortSignal,
): Promise<RecordActionRequest | undefined> {
  const [namespace = "", name = ""] = report.key.split("/");
  const live = await client.get(taskActionType, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (live === undefined) return undefined;
  const { spec } = live;
  const recoveredFrom = decoded(RecoveredActionSchema, spec.recovered)?.source;
  return create(RecordActionRequestSchema, {
    actionId: report.id,
    parent: spec.parentActionName ?? "",
    group: spec.group ?? "",
    inputUri: spec.inputUri ?? "",
    spec: kindOf(spec),
    ...(recoveredFrom ? { recoveredFrom } : {}),
  });
}

function kindOf(spec: TaskActionSpec): RecordActionRequest["spec"] {
  if (spec.actionType === "condition")
    return {
      case: "condition",
      value: decoded(ConditionActionSchema, spec.conditionSpec) ?? create(ConditionActionSchema),
    };
  const taskTemplate = decoded(TaskTemplateSchema, spec.taskTemplate) ?? create(TaskTemplateSchema);
  const id = decoded(TaskIdentifierSchema, spec.taskId);
  const taskSpec = create(TaskSpecSchema, { taskTemplate, shortName: spec.shortName ?? "" });
  return { case: "task", value: create(TaskActionSchema, { ...(id ? { id } : {}), spec: taskSpec }) };
}

/** An action whose spec can not be read is reported too: it fails as InvalidSpec, and that must be seen. */
function decoded<D extends DescMessage>(schema: D, base64: string | undefined): MessageShape<D> | undefined {
  if (!base64) return undefined;
  try {
    return fromBinary(schema, Buffer.from(base64, "base64"));
  } catch {
    return undefined;
  }
}
