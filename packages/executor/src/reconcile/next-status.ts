/** From the outcome of a pod to the next status of its action. Pure. */
import type { AttemptRecord, ErrorState, PhaseEntry, Reason, TaskAction, TaskActionStatus } from "@homeplane/idl";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { RetryStrategy } from "@homeplane/idl/flyteidl2/core/literals";
import { backoffMs, type Random } from "@homeplane/runtime-kit";
import type { ExecutorConfig } from "../config.ts";
import type { Outcome } from "./outcome.ts";
import { cut, ended, relaunched, retried } from "./status.ts";

export interface End {
  readonly outcome: Outcome;
  readonly attempt: number;
  readonly startedAt: string;
  readonly endedAt: string;
  /** By the executor's own clock, milliseconds since the epoch. */
  readonly now: number;
  readonly podName?: string;
  readonly outputUri: string;
  readonly entries: readonly PhaseEntry[];
  readonly reason?: Reason;
}

export interface RetryPolicy {
  /** User-visible attempts, the first included. */
  readonly maxAttempts: number;
  /** The delay before attempt `n + 1`, in milliseconds. */
  readonly delayMs: (n: number) => number;
}

export function retryPolicy(retries: RetryStrategy | undefined): RetryPolicy {
  const base = retries?.backoff?.base ? durationMs(retries.backoff.base) : 0;
  const cap = retries?.backoff?.cap ? durationMs(retries.backoff.cap) : Number.POSITIVE_INFINITY;
  const factor = retries?.backoff?.factor || 1;
  return {
    maxAttempts: (retries?.retries ?? 0) + 1,
    delayMs: (n) => Math.min(cap, base * factor ** Math.min(n - 1, 60)),
  };
}

export function statusAfter(
  taskAction: TaskAction,
  end: End,
  retries: RetryPolicy,
  config: ExecutorConfig,
  random: Random,
): TaskActionStatus {
  const { outcome, attempt, startedAt, endedAt, now, podName, outputUri, entries } = end;
  const record = { attempt, startedAt, endedAt, outputUri, ...(podName === undefined ? {} : { podName }) };
  if (outcome.kind === "success") return ended(taskAction, { ...record, phase: "SUCCEEDED" }, entries);

  const kind = outcome.kind === "user" ? "USER" : "SYSTEM";
  const error: ErrorState = { code: outcome.code, kind, message: cut(outcome.message) };
  const failed: AttemptRecord = { ...record, phase: "FAILED", error };
  if (outcome.kind === "system") {
    const { systemFailures = 0, nodeStops = 0 } = taskAction.status ?? {};
    const charged = systemFailures - nodeStops;
    const nodeStop = outcome.nodeStop === true;
    if (!nodeStop && charged >= config.systemFailureLimit) return ended(taskAction, failed, entries);
    const delay = nodeStop ? 0 : backoffMs(config.systemFailureBackoff, charged, random);
    return relaunched(taskAction, error, entries, endedAt, later(endedAt, now, delay), nodeStop);
  }
  if (outcome.final || attempt >= retries.maxAttempts) return ended(taskAction, failed, entries, end.reason);
  return retried(taskAction, failed, entries, later(endedAt, now, retries.delayMs(attempt)));
}

/** A node whose clock is ahead must not make us wait for it. */
function later(endedAt: string, now: number, ms: number): string {
  return new Date(Math.min(Date.parse(endedAt), now) + ms).toISOString();
}
