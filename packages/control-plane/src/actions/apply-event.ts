/**
 * How reports change what is known of an action. Pure: (details, report) -> details, `undefined` = nothing new.
 *
 * Reports arrive at least once and possibly again after a restart of either side, so each change is idempotent: within an
 * attempt (phase, version) only grows, an ended attempt and an ended action never change again.
 */
import { clone, create, equals } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { isTerminal, phaseOrder } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import {
  AbortInfoSchema,
  type ActionAttempt,
  ActionAttemptSchema,
  type ActionDetails,
  ActionDetailsSchema,
  type ActionEvent,
  type ActionStatus,
  PhaseTransitionSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";

/** Applies an event of one attempt. */
export function applyEvent(details: ActionDetails, event: ActionEvent): ActionDetails | undefined {
  const known = details.attempts.find((attempt) => attempt.attempt === event.attempt);
  if (known !== undefined && (isTerminal(known.phase) || phaseOrder(event.phase) < phaseOrder(known.phase)))
    return undefined;
  const next = clone(ActionDetailsSchema, details);
  let attempt = next.attempts.find((candidate) => candidate.attempt === event.attempt);
  if (attempt === undefined) {
    attempt = create(ActionAttemptSchema, { attempt: event.attempt });
    next.attempts.push(attempt);
    next.attempts.sort((a, b) => a.attempt - b.attempt);
  }
  mergeAttempt(attempt, event);
  beginsWith(next, event);
  const status = next.status;
  if (status !== undefined && !isTerminal(status.phase) && event.attempt >= status.attempts) {
    const newer = event.attempt > status.attempts || phaseOrder(event.phase) > phaseOrder(status.phase);
    status.attempts = event.attempt;
    // An ended attempt does not end the action: only applyStatus does.
    if (newer && !isTerminal(event.phase)) status.phase = event.phase;
    if (event.cacheStatus) status.cacheStatus = event.cacheStatus;
  }
  return equals(ActionDetailsSchema, details, next) ? undefined : next;
}

/** Kubernetes tells when something was made in whole seconds. */
const roundedMs = 1_000;

/** An action that came to be while nobody could be told of it began when its first event says, not when it was recorded. */
function beginsWith({ status, metadata }: ActionDetails, { attempt, startTime }: ActionEvent): void {
  if (status?.startTime === undefined || startTime === undefined || metadata?.parent === "" || attempt !== 1) return;
  if (timestampMs(startTime) + roundedMs <= timestampMs(status.startTime)) status.startTime = startTime;
}

function mergeAttempt(attempt: ActionAttempt, event: ActionEvent): void {
  const at = event.updatedTime ?? event.startTime ?? event.reportedTime;
  if (attempt.phase !== event.phase) {
    const open = attempt.phaseTransitions.at(-1);
    if (open !== undefined && at !== undefined) open.endTime = at;
    const transition = { phase: event.phase, ...(at ? { startTime: at } : {}) };
    attempt.phaseTransitions.push(create(PhaseTransitionSchema, transition));
  }
  attempt.phase = event.phase;
  attempt.startTime ??= event.startTime;
  attempt.endTime ??= event.endTime;
  attempt.errorInfo ??= event.errorInfo;
  // Later events know more: the report from the start, the outputs at the end.
  if (event.outputs !== undefined) attempt.outputs = event.outputs;
  if (event.cluster !== "") attempt.cluster = event.cluster;
  if (event.cacheStatus) attempt.cacheStatus = event.cacheStatus;
  if (event.cacheMetadata !== undefined) attempt.cacheMetadata = event.cacheMetadata;
  if (event.logInfo.length > 0) attempt.logInfo = event.logInfo;
  if (event.logContext !== undefined) {
    attempt.logContext = event.logContext;
    attempt.logsAvailable ||= event.logContext.pods.length > 0;
  }
  const seen = new Set(attempt.clusterEvents.map((item) => `${item.reason}\n${item.message}`));
  attempt.clusterEvents.push(...event.clusterEvents.filter((item) => !seen.has(`${item.reason}\n${item.message}`)));
}

/** Applies the state of the action as a whole; a terminal phase ends it. */
export function applyStatus(
  details: ActionDetails,
  status: ActionStatus,
  abortReason: string,
): ActionDetails | undefined {
  const current = details.status;
  if (current === undefined || isTerminal(current.phase)) return undefined;
  const late = status.attempts < current.attempts || phaseOrder(status.phase) < phaseOrder(current.phase);
  if (late && status.attempts <= current.attempts && !isTerminal(status.phase)) return undefined;
  const next = clone(ActionDetailsSchema, details);
  const target = next.status as ActionStatus;
  target.phase = status.phase;
  target.attempts = Math.max(target.attempts, status.attempts);
  if (status.cacheStatus) target.cacheStatus = status.cacheStatus;
  if (isTerminal(status.phase)) {
    target.endTime = status.endTime;
    const duration = durationMs(target.startTime, status.endTime);
    if (duration !== undefined) target.durationMs = duration;
    const error = next.attempts.findLast((attempt) => attempt.errorInfo !== undefined)?.errorInfo;
    if (status.phase === ActionPhase.ABORTED) {
      next.result = { case: "abortInfo", value: create(AbortInfoSchema, { reason: abortReason }) };
    } else if (!succeeded(status.phase) && error !== undefined) {
      next.result = { case: "errorInfo", value: error };
    }
  }
  return equals(ActionDetailsSchema, details, next) ? undefined : next;
}

function succeeded(phase: ActionPhase): boolean {
  return phase === ActionPhase.SUCCEEDED || phase === ActionPhase.RECOVERED;
}

function durationMs(start: Timestamp | undefined, end: Timestamp | undefined): bigint | undefined {
  if (start === undefined || end === undefined) return undefined;
  return BigInt(Math.max(0, timestampMs(end) - timestampMs(start)));
}
