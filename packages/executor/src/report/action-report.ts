/**
 * What the control plane should know of one action, derived from its TaskAction and its pod. Level-triggered: each report holds all of it,
 * so a later one replaces an earlier one that was never sent, and after a crash the same report comes out again.
 */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type AttemptRecord,
  type ErrorState,
  type Phase,
  type PhaseEntry,
  phaseToProto,
  reportFile,
  type TaskAction,
  terminalPhase,
} from "@homeplane/idl";
import { type ActionIdentifier, ActionIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import {
  type ActionEvent,
  ActionEventSchema,
  type ActionStatus,
  ActionStatusSchema,
  type ErrorInfo,
  ErrorInfo_Kind,
  ErrorInfoSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { PodView } from "../pod/observe.ts";
import { currentPod, outputPrefixOf } from "../pod/task.ts";

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

const rank: Readonly<Record<Phase, number>> = {
  QUEUED: 1,
  WAITING_FOR_RESOURCES: 2,
  INITIALIZING: 3,
  RUNNING: 4,
  SUCCEEDED: 5,
  FAILED: 6,
  ABORTED: 7,
  TIMED_OUT: 8,
};

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

/** Phases that only the pod shows so far, with the pod's own times. */
export function seenPhases(taskAction: TaskAction, pod: PodView | undefined): PhaseEntry[] {
  const { attempt } = currentPod(taskAction);
  const previous = taskAction.status?.attemptHistory?.at(-1);
  const queuedAt = previous?.endedAt ?? taskAction.metadata.creationTimestamp ?? "";
  const entries: PhaseEntry[] = [{ phase: "QUEUED", occurredAt: queuedAt, attempt }];
  if (pod === undefined || pod.state.kind === "created") return entries;
  const { state } = pod;
  if (state.kind === "waiting")
    return [...entries, { phase: "WAITING_FOR_RESOURCES", occurredAt: pod.createdAt, attempt, message: state.message }];
  entries.push({ phase: "INITIALIZING", occurredAt: pod.createdAt, attempt });
  const startedAt =
    state.kind === "running" ? state.startedAt : state.kind === "ended" ? state.end.startedAt : undefined;
  if (startedAt !== undefined) entries.push({ phase: "RUNNING", occurredAt: startedAt, attempt });
  return entries;
}

interface EventContext {
  readonly id: ActionIdentifier;
  readonly cluster: string;
  readonly taskAction: TaskAction;
}

function attemptEvents(
  ctx: EventContext,
  attempt: number,
  record: AttemptRecord | undefined,
  pod: PodView | undefined,
): ActionEvent[] {
  const stored = (ctx.taskAction.status?.phaseHistory ?? []).filter((entry) => entry.attempt === attempt);
  const seen = record === undefined ? seenPhases(ctx.taskAction, pod) : [];
  const entries = [...stored, ...seen.filter((entry) => !stored.some((known) => known.phase === entry.phase))]
    .filter((entry) => rank[entry.phase] <= rank.RUNNING)
    // After a relaunch the attempt has run, in a pod that is gone; the new one is told when it runs.
    .filter((entry) => entry.phase !== "RUNNING" || record !== undefined || hasStarted(pod))
    .toSorted((a, b) => rank[a.phase] - rank[b.phase]);
  const podName = record?.podName ?? pod?.name;
  // An ended attempt says for ever what it said at its end, whatever later ones do.
  const prefix = record?.outputUri ?? outputPrefixOf(ctx.taskAction, attempt, currentPod(ctx.taskAction).incarnation);
  const events = entries.map((entry) => phaseEvent(ctx, attempt, entry, podName, prefix));
  return record === undefined ? events : [...events, endEvent(ctx, record)];
}

function hasStarted(pod: PodView | undefined): boolean {
  return pod?.state.kind === "running" || pod?.state.kind === "ended";
}

function phaseEvent(
  ctx: EventContext,
  attempt: number,
  { phase, occurredAt, message }: PhaseEntry,
  podName: string | undefined,
  prefix: string,
): ActionEvent {
  const at = timestamp(occurredAt);
  const running = phase === "RUNNING";
  const reportUri = `${prefix}/${reportFile}`;
  return create(ActionEventSchema, {
    ...base(ctx, attempt, phase, at),
    ...(running && podName ? { logContext: logContext(ctx, podName), outputs: { reportUri } } : {}),
    ...(message ? { clusterEvents: [{ message, reason: phase, ...(at ? { occurredAt: at } : {}) }] } : {}),
  });
}

function endEvent(ctx: EventContext, record: AttemptRecord): ActionEvent {
  const endTime = timestamp(record.endedAt);
  const { outputUri } = record;
  return create(ActionEventSchema, {
    ...base(ctx, record.attempt, record.phase, endTime),
    ...(endTime ? { endTime } : {}),
    ...(record.error ? { errorInfo: errorInfo(record.error) } : {}),
    ...(record.podName ? { logContext: logContext(ctx, record.podName) } : {}),
    ...(outputUri
      ? {
          outputs: {
            outputUri: record.phase === "SUCCEEDED" ? outputUri : "",
            reportUri: `${outputUri}/${reportFile}`,
          },
        }
      : {}),
  });
}

function base(ctx: EventContext, attempt: number, phase: Phase, at: Timestamp | undefined) {
  const times = at ? { startTime: at, updatedTime: at } : {};
  return { id: ctx.id, attempt, phase: phaseToProto(phase), cluster: ctx.cluster, ...times };
}

function endStatus(record: AttemptRecord, attempts: number): ActionStatus {
  const endTime = timestamp(record.endedAt);
  return create(ActionStatusSchema, { phase: phaseToProto(record.phase), attempts, ...(endTime ? { endTime } : {}) });
}

function errorInfo({ code, kind, message }: ErrorState): ErrorInfo {
  return create(ErrorInfoSchema, {
    code,
    message,
    kind: kind === "USER" ? ErrorInfo_Kind.USER : ErrorInfo_Kind.SYSTEM,
  });
}

function logContext({ taskAction }: EventContext, podName: string) {
  return { primaryPodName: podName, pods: [{ namespace: taskAction.metadata.namespace ?? "", podName }] };
}

function timestamp(text: string): Timestamp | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : timestampFromMs(ms);
}
