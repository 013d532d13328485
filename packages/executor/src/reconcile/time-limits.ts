/**
 * The three bounds that a task may set on its time (SDK: `flyte.Timeout`), and which of them count at a moment. Pure. `max_runtime` and
 * `max_queued_time` are per attempt and are retried while retries are left; `deadline` is over all attempts and final.
 */
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { type ExceededCode, progressReason } from "@homeplane/idl";
import type { TaskMetadata } from "@homeplane/idl/flyteidl2/core/tasks";
import type { PodView } from "../pod/observe.ts";
import { InvalidSpecError } from "../pod/task.ts";
import type { TaskActionView } from "../resource.ts";
import { durationText } from "./duration-text.ts";

/** Absent: no bound. */
export interface TimeLimits {
  readonly maxRuntimeMs?: number;
  readonly queuedMs?: number;
  readonly deadlineMs?: number;
}

/** A bound that counts now. */
export interface TimeLimit {
  readonly code: ExceededCode;
  /** The time from which it counts. */
  readonly since: string;
  readonly boundMs: number;
  /** What is said when it is exceeded. */
  readonly message: string;
}

/** `undefined` when there is no bound at all. Throws InvalidSpecError. */
export function timeLimitsOf(metadata: TaskMetadata | undefined): TimeLimits | undefined {
  const maxRuntimeMs = bound("metadata.timeout", metadata?.timeout);
  const queuedMs = bound("metadata.timeouts.queued_timeout", metadata?.timeouts?.queuedTimeout);
  const deadlineMs = bound("metadata.timeouts.deadline", metadata?.timeouts?.deadline);
  if (maxRuntimeMs === undefined && queuedMs === undefined && deadlineMs === undefined) return undefined;
  return {
    ...(maxRuntimeMs === undefined ? {} : { maxRuntimeMs }),
    ...(queuedMs === undefined ? {} : { queuedMs }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

function bound(field: string, duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const ms = durationMs(duration);
  if (ms < 0) throw new InvalidSpecError(`taskTemplate.${field}`, `is ${ms} ms; give a positive time, or none at all`);
  // Zero is the SDK's other word for no bound.
  return ms === 0 ? undefined : ms;
}

/**
 * The strongest first. `mayQueue` is false in a backoff, which is waited for on purpose, and when a pod that was there is gone. None for a pod that
 * has ended: what is finished counts, however long it took.
 */
export function limitsNow(taskAction: TaskActionView, pod: PodView | undefined, mayQueue: boolean): TimeLimit[] {
  const { limits, metadata, status = {} } = taskAction;
  if (limits === undefined || pod?.state.kind === "ended") return [];
  const { maxRuntimeMs, queuedMs, deadlineMs } = limits;
  const created = metadata.creationTimestamp ?? "";
  const found: TimeLimit[] = [];
  if (deadlineMs !== undefined) {
    const message = `not ended within its deadline of ${durationText(deadlineMs)}, which counts over all attempts`;
    found.push({ code: "DEADLINE_EXCEEDED", since: created, boundMs: deadlineMs, message });
  }
  if (maxRuntimeMs !== undefined && pod?.state.kind === "running") {
    const message = `ran for longer than its max_runtime of ${durationText(maxRuntimeMs)}`;
    found.push({ code: "MAX_RUNTIME_EXCEEDED", since: pod.state.startedAt, boundMs: maxRuntimeMs, message });
  }
  if (queuedMs !== undefined && mayQueue && isQueued(pod)) {
    const message = `waited for longer than its max_queued_time of ${durationText(queuedMs)}${whyItWaits(taskAction, pod)}`;
    const since = status.notBefore ?? created;
    found.push({ code: "QUEUED_TIMEOUT_EXCEEDED", since, boundMs: queuedMs, message });
  }
  return found;
}

function isQueued(pod: PodView | undefined): boolean {
  return pod === undefined || pod.state.kind === "created" || pod.state.kind === "waiting";
}

function whyItWaits(taskAction: TaskActionView, pod: PodView | undefined): string {
  const known = taskAction.status?.conditions?.find(({ type }) => type === "Progressing");
  const said = progressReason(taskAction) === "Queued" ? known?.message : undefined;
  const why = pod?.state.kind === "waiting" ? pod.state.message : said;
  return why ? `: ${why}` : "";
}
