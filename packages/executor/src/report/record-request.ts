import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { TaskIdentifierSchema, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  type RecordActionRequest,
  RecordActionRequestSchema,
} from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
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
  const template = decoded(TaskTemplateSchema, spec.taskTemplate) ?? create(TaskTemplateSchema);
  const id = decoded(TaskIdentifierSchema, spec.taskId);
  return create(RecordActionRequestSchema, {
    actionId: report.id,
    parent: spec.parentActionName ?? "",
    group: spec.group ?? "",
    inputUri: spec.inputUri ?? "",
    spec: {
      case: "task",
      value: {
        ...(id ? { id } : {}),
        spec: create(TaskSpecSchema, { taskTemplate: template, shortName: spec.shortName ?? "" }),
      },
    },
  });
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
