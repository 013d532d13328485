/**
 * What the control plane should know of one action, derived from its TaskAction and its pod. Level-triggered: each report holds all of it,
 * so a later one replaces an earlier one that was never sent, and after a crash the same report comes out again.
 */
import { create } from "@bufbuild/protobuf";
import { type AttemptRecord, phaseToProto, type TaskAction, terminalPhase } from "@homeplane/idl";
import { type ActionIdentifier, ActionIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import { CatalogCacheStatus } from "@homeplane/idl/flyteidl2/core/catalog";
import {
  type ActionEvent,
  type ActionStatus,
  ActionStatusSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import { attemptEvents, timestamp } from "./attempt-events.ts";

export interface ActionReport {
  /** The TaskAction's key and uid. */
  readonly key: string;
  readonly uid: string;
  readonly id: ActionIdentifier;
  /** A child's spec is sent before its first event; the root's came from the control plane. */
  readonly isRoot: boolean;
  /** In order; `version` is set when sent. */
  readonly events: readonly ActionEvent[];
  /** Set when the action has ended. */
  readonly end?: { readonly status: ActionStatus; readonly abortReason: string };
}

export function buildReport(
  taskAction: TaskAction,
  pod: PodView | undefined,
  cluster: string,
  org: string,
  abortReason: string,
): ActionReport {
  const { spec, metadata, status = {} } = taskAction;
  const run = { org, project: spec.project, domain: spec.domain, name: spec.runName };
  const id = create(ActionIdentifierSchema, { run, name: spec.actionName });
  const records = status.attemptHistory ?? [];
  const phase = terminalPhase(taskAction);
  const current = currentPod(taskAction).attempt;
  const attempts = new Set([...records.map((record) => record.attempt), ...(phase === undefined ? [current] : [])]);
  const context = { id, cluster, taskAction };
  const events = [...attempts].flatMap((attempt) =>
    attemptEvents(
      context,
      attempt,
      records.find((record) => record.attempt === attempt),
      attempt === current ? pod : undefined,
    ),
  );
  const last = records.at(-1);
  const end =
    phase === undefined || last === undefined
      ? undefined
      : { status: endStatus(last, current), abortReason: phase === "ABORTED" ? abortReason : "" };
  const key = `${metadata.namespace}/${metadata.name}`;
  return {
    key,
    uid: metadata.uid ?? "",
    id,
    isRoot: spec.parentActionName === undefined,
    events,
    ...(end ? { end } : {}),
  };
}

function endStatus(record: AttemptRecord, attempts: number): ActionStatus {
  const endTime = timestamp(record.endedAt);
  const { cacheStatus } = record;
  return create(ActionStatusSchema, {
    phase: phaseToProto(record.phase),
    attempts,
    ...(endTime ? { endTime } : {}),
    ...(cacheStatus ? { cacheStatus: CatalogCacheStatus[cacheStatus] } : {}),
  });
}
