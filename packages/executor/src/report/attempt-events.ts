/** The events of one attempt, from what its TaskAction and its pod say. */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type AttemptRecord,
  type ErrorState,
  type Phase,
  type PhaseEntry,
  phaseToProto,
  type Relaunch,
  reportFile,
  type TaskAction,
} from "@homeplane/idl";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { CatalogCacheStatus } from "@homeplane/idl/flyteidl2/core/catalog";
import {
  type ActionEvent,
  ActionEventSchema,
  type ErrorInfo,
  ErrorInfo_Kind,
  ErrorInfoSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { PodView } from "../pod/observe.ts";
import { currentPod, outputPrefixOf } from "../pod/task.ts";
import { rank, seenPhases } from "./phases.ts";

export interface EventContext {
  readonly id: ActionIdentifier;
  readonly cluster: string;
  readonly taskAction: TaskAction;
}

/** What is told beside a phase: pods that were lost, and what their successors wait for. */
interface Aside {
  readonly lost: readonly Relaunch[];
  readonly behind: readonly PhaseEntry[];
}

const nothing: Aside = { lost: [], behind: [] };

/** All that is known of one attempt, in order. */
export function attemptEvents(
  ctx: EventContext,
  attempt: number,
  record: AttemptRecord | undefined,
  pod: PodView | undefined,
): ActionEvent[] {
  const lost = (ctx.taskAction.status?.relaunches ?? []).filter((relaunch) => relaunch.attempt === attempt);
  const stored = (ctx.taskAction.status?.phaseHistory ?? []).filter((entry) => entry.attempt === attempt);
  const seen = record === undefined ? seenPhases(ctx.taskAction, pod) : [];
  const told = [...stored, ...seen.filter((entry) => !stored.some((known) => known.phase === entry.phase))]
    .filter((entry) => rank[entry.phase] <= rank.RUNNING)
    // After a relaunch the attempt has run, in a pod that is gone; the new one is told of when it runs.
    .filter((entry) => entry.phase !== "RUNNING" || record !== undefined || hasStarted(pod) || lost.length > 0);
  // The pod of a relaunch may wait for what the one before it had: a phase never goes back, so that is told with the furthest one.
  const isBehind = (entry: PhaseEntry, index: number): boolean =>
    told.slice(0, index).some((earlier) => rank[earlier.phase] > rank[entry.phase]);
  const behind = told.filter(isBehind);
  const entries = told
    .filter((entry, index) => !isBehind(entry, index))
    .toSorted((a, b) => rank[a.phase] - rank[b.phase]);
  const now = hasStarted(pod) || lost.length === 0 ? pod?.name : lost.at(-1)?.podName;
  const podName = record?.podName ?? now;
  // An ended attempt says for ever what it said at its end, whatever later ones do.
  const prefix = record?.outputUri ?? outputPrefixOf(ctx.taskAction, attempt, currentPod(ctx.taskAction).incarnation);
  const furthest = entries.at(-1);
  const events = entries.map((entry) =>
    phaseEvent(ctx, attempt, entry, podName, prefix, entry === furthest ? { lost, behind } : nothing),
  );
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
  { lost, behind }: Aside,
): ActionEvent {
  const at = timestamp(occurredAt);
  const running = phase === "RUNNING";
  const reportUri = `${prefix}/${reportFile}`;
  return create(ActionEventSchema, {
    ...base(ctx, attempt, phase, at),
    ...(running && podName ? { logContext: logContext(ctx, podName), outputs: { reportUri } } : {}),
    clusterEvents: [
      ...(message ? [clusterEvent(phase, message, occurredAt)] : []),
      ...lost.map((one) => clusterEvent(one.code, relaunchText(one), one.at)),
      ...behind.flatMap((one) => (one.message ? [clusterEvent(one.phase, one.message, one.occurredAt)] : [])),
    ],
  });
}

function clusterEvent(reason: string, message: string, occurredAt: string) {
  const at = timestamp(occurredAt);
  return { reason, message, ...(at ? { occurredAt: at } : {}) };
}

function relaunchText({ podName, message }: Relaunch): string {
  return `${podName === undefined ? "" : `pod ${podName}: `}${message}; the attempt goes on in a new pod`;
}

function endEvent(ctx: EventContext, record: AttemptRecord): ActionEvent {
  const endTime = timestamp(record.endedAt);
  const { outputUri } = record;
  return create(ActionEventSchema, {
    ...base(ctx, record.attempt, record.phase, endTime),
    ...(endTime ? { endTime } : {}),
    ...(record.error ? { errorInfo: errorInfo(record.error) } : {}),
    ...(record.podName ? { logContext: logContext(ctx, record.podName) } : {}),
    ...cacheOf(ctx, record),
    ...(outputUri
      ? {
          outputs: {
            outputUri: successes.has(record.phase) ? outputUri : "",
            reportUri: `${outputUri}/${reportFile}`,
          },
        }
      : {}),
  });
}

function cacheOf({ id }: EventContext, { cacheStatus, cacheSource }: AttemptRecord) {
  if (cacheStatus === undefined) return {};
  const status = { cacheStatus: CatalogCacheStatus[cacheStatus] };
  if (cacheSource === undefined || id.run === undefined) return status;
  const actionId = { run: { ...id.run, name: cacheSource.runName }, name: cacheSource.actionName };
  return { ...status, cacheMetadata: { sourceActionAttempt: { actionId, attempt: cacheSource.attempt } } };
}

const successes: ReadonlySet<Phase> = new Set(["SUCCEEDED", "RECOVERED"]);

function base(ctx: EventContext, attempt: number, phase: Phase, at: Timestamp | undefined) {
  const times = at ? { startTime: at, updatedTime: at } : {};
  return { id: ctx.id, attempt, phase: phaseToProto(phase), cluster: ctx.cluster, ...times };
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

export function timestamp(text: string): Timestamp | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : timestampFromMs(ms);
}
