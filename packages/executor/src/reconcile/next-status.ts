/** From the outcome of a pod to the next status of its action. Pure. */
import type {
  AttemptRecord,
  CacheStatus,
  ErrorState,
  PhaseEntry,
  Reason,
  TaskAction,
  TaskActionStatus,
} from "@homeplane/idl";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { RetryStrategy } from "@homeplane/idl/flyteidl2/core/literals";
import { backoffMs, type Random } from "@homeplane/runtime-kit";
import type { ExecutorConfig } from "../config.ts";
import type { Outcome } from "./outcome.ts";
import { cut, ended, type NextStart, relaunched, retried } from "./status.ts";

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
  readonly cacheStatus?: CacheStatus;
}

export interface RetryPolicy {
  /** User-visible attempts, the first included. */
  readonly maxAttempts: number;
  /** The delay before attempt `n + 1`, in milliseconds. */
  readonly delayMs: (n: number) => number;
}

/** Whatever a template says. */
const longestDelayMs = 7 * 86_400_000;
const maxRelaunchMessage = 512;

/** As the SDK has it: min(base * factor ** n, cap) before the n-th retry, from 0. */
export function retryPolicy(retries: RetryStrategy | undefined): RetryPolicy {
  const { base, factor = 1, cap } = retries?.backoff ?? {};
  const baseMs = base ? durationMs(base) : 0;
  const capMs = Math.min(cap ? durationMs(cap) : longestDelayMs, longestDelayMs);
  return {
    maxAttempts: (retries?.retries ?? 0) + 1,
    delayMs: (n) => {
      const ms = baseMs * factor ** (n - 1);
      // A factor that is no number, or 0 times infinity, makes no delay.
      return Number.isNaN(ms) ? 0 : Math.max(0, Math.min(capMs, ms));
    },
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
  const cache = end.cacheStatus === undefined ? {} : { cacheStatus: end.cacheStatus };
  const record = { attempt, startedAt, endedAt, outputUri, ...(podName === undefined ? {} : { podName }), ...cache };
  if (outcome.kind === "success") return ended(taskAction, { ...record, phase: "SUCCEEDED" }, entries);

  const kind = outcome.kind === "system" ? "SYSTEM" : "USER";
  const error: ErrorState = { code: outcome.code, kind, message: cut(outcome.message) };
  const failed: AttemptRecord = { ...record, phase: outcome.kind === "timeout" ? "TIMED_OUT" : "FAILED", error };
  // A node whose clock is ahead must not make us wait for it.
  const from = Math.min(Date.parse(endedAt), now);
  const next = (delayMs: number, message: (when: string) => string): NextStart => {
    const [at, notBefore] = [iso(from), iso(from + delayMs)];
    return { at, notBefore, message: message(delayMs < 1000 ? "" : ` at ${notBefore.slice(0, 19)}Z`) };
  };
  if (outcome.kind === "system") {
    const { systemFailures = 0, nodeStops = 0 } = taskAction.status ?? {};
    const charged = systemFailures - nodeStops;
    const nodeStop = outcome.nodeStop === true;
    const limit = config.systemFailureLimit;
    if (!nodeStop && charged >= limit) return ended(taskAction, failed, entries);
    const delay = nodeStop ? 0 : backoffMs(config.systemFailureBackoff, charged, random);
    const count = nodeStop ? "" : ` (system failure ${charged + 1} of at most ${limit})`;
    const start = next(
      delay,
      (when) => `attempt ${attempt} starts again${when}${count}, after ${error.code}: ${error.message}`,
    );
    const { code, message } = error;
    const pod = podName === undefined ? {} : { podName };
    const relaunch = { attempt, at: endedAt, ...pod, code, message: cut(message, maxRelaunchMessage) };
    return relaunched(taskAction, relaunch, entries, start, nodeStop);
  }
  if (outcome.final || attempt >= retries.maxAttempts) return ended(taskAction, failed, entries, end.reason);
  const start = next(
    retries.delayMs(attempt),
    (when) => `attempt ${attempt + 1} of ${retries.maxAttempts} starts${when}, after ${error.code}: ${error.message}`,
  );
  return retried(taskAction, failed, entries, start);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
