import { create } from "@bufbuild/protobuf";
import {
  type Action,
  ActionSchema,
  type ActionDetails,
  type Run,
  RunSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ActionRow } from "../store/port.ts";

/** An action as lists show it. */
export function actionView({ details }: Pick<ActionRow, "details">): Action {
  const { id, metadata, status } = details;
  return create(ActionSchema, {
    ...(id ? { id } : {}),
    ...(metadata ? { metadata } : {}),
    ...(status ? { status } : {}),
  });
}

export function runView(row: Pick<ActionRow, "details">, labels: Readonly<Record<string, string>>): Run {
  return create(RunSchema, { action: actionView(row), labels: { ...labels } });
}

/** The whole of it, with the task spec put back in its place. */
export function detailsView({ details, taskSpec }: ActionRow): ActionDetails {
  return taskSpec === undefined ? details : { ...details, spec: { case: "task", value: taskSpec } };
}
