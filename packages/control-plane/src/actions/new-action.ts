import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { Relation } from "@homeplane/idl/flyteidl2/common/run";
import type { TaskIdentifier, TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  type ActionDetails,
  ActionDetailsSchema,
  type ActionMetadata,
  ActionMetadataSchema,
  ActionType,
  type ConditionAction,
  type RunSource,
  type TraceAction,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ActionKey } from "../store/port.ts";
import { actionIdentifier } from "../services/identifiers.ts";

/** What an action is, in one of flyteidl2's three kinds. */
export type ActionKind =
  | { readonly case: "task"; readonly id?: TaskIdentifier; readonly spec: TaskSpec }
  | { readonly case: "trace"; readonly value: TraceAction }
  | { readonly case: "condition"; readonly value: ConditionAction };

export interface NewAction {
  readonly org: string;
  readonly key: ActionKey;
  readonly parent: string;
  readonly group: string;
  readonly createdAt: number;
  readonly source: RunSource;
  readonly kind: ActionKind;
  readonly relation?: Relation;
  readonly recoveredFrom?: ActionIdentifier;
  /** That made the run. */
  readonly trigger?: Pick<ActionMetadata, "triggerId" | "triggerName" | "triggerType">;
}

/** The details of an action that was just accepted: queued, no attempt yet. */
export function newActionDetails(action: NewAction): ActionDetails {
  return create(ActionDetailsSchema, {
    id: actionIdentifier(action.org, action.key),
    metadata: metadata(action),
    status: { phase: ActionPhase.QUEUED, startTime: timestampFromMs(action.createdAt), attempts: 1 },
    ...(action.kind.case === "condition" ? { spec: action.kind } : {}),
    ...(action.kind.case === "trace" && action.kind.value.spec
      ? { spec: { case: "trace" as const, value: action.kind.value.spec } }
      : {}),
  });
}

function metadata({ parent, group, source, kind, relation, recoveredFrom, trigger }: NewAction): ActionMetadata {
  const origin = { ...(relation ? { relation } : {}), ...(recoveredFrom ? { recoveredFrom } : {}) };
  const common = { parent, group, source, ...origin, ...trigger };
  if (kind.case === "task") {
    const template = kind.spec.taskTemplate;
    const task = {
      ...(kind.id ? { id: kind.id } : {}),
      taskType: template?.type ?? "",
      shortName: kind.spec.shortName,
    };
    return create(ActionMetadataSchema, {
      ...common,
      actionType: ActionType.TASK,
      environmentName: kind.spec.environment?.name ?? "",
      funtionName: kind.spec.shortName,
      spec: { case: "task", value: task },
    });
  }
  if (kind.case === "trace") {
    const value = { name: kind.value.name };
    return create(ActionMetadataSchema, { ...common, actionType: ActionType.TRACE, spec: { case: "trace", value } });
  }
  const { name, type } = kind.value;
  const value = type ? { name, type } : { name };
  return create(ActionMetadataSchema, {
    ...common,
    actionType: ActionType.CONDITION,
    spec: { case: "condition", value },
  });
}
