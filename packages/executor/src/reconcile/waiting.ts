/** An action that can not go on yet: why is said in its status and reported, and it is never failed for it. */
import { type PhaseEntry, progressReason, type TaskAction } from "@homeplane/idl";
import type { PodView, StartProblem } from "../pod/observe.ts";
import { startText } from "../pod/start-text.ts";
import { currentPod } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import type { PodRecord } from "./pod-record.ts";
import { conditionMessage, progressed, progressing } from "./status.ts";
import { writeStatus } from "./write.ts";

/** A phase that lasts shorter than this is reported but not written for itself. */
export const worthAWriteMs = 1_000;
/** A text that keeps changing is written no more often than this. */
const betweenTextsMs = 10_000;
/** Waiting for quota: tries grow rarer as it goes on, so that those who wait leave the API to those who run. */
const shortestWaitMs = 5_000;
const longestWaitMs = 60_000;

/** A quarter of what it has waited so far. */
export function waitMs({ clock, random }: Deps, { status }: TaskAction, attempt: number): number {
  const since = status?.phaseHistory?.findLast(
    (entry) => entry.phase === "WAITING_FOR_RESOURCES" && entry.attempt === attempt,
  )?.occurredAt;
  const waited = since === undefined ? 0 : clock.now() - Date.parse(since);
  return Math.min(longestWaitMs, Math.max(shortestWaitMs, waited / 4)) * (0.75 + 0.5 * random());
}

/** Since when its condition has said this; `undefined` = it does not. */
export function saidSince({ status }: TaskAction, message: string): string | undefined {
  const known = status?.conditions?.find(({ type }) => type === "Progressing");
  return known?.message === conditionMessage(message) ? known.lastTransitionTime : undefined;
}

/** What is left of the delay before the next pod; the action is woken when it is over. */
export function backoffLeftMs(deps: Deps, taskAction: TaskAction): number {
  const { queuedAt, notBefore } = taskAction.status ?? {};
  if (queuedAt === undefined || notBefore === undefined) return 0;
  const delay = Date.parse(notBefore) - Date.parse(queuedAt);
  return delay > 0 ? deps.alarms.left(taskAction, "backoff", queuedAt, delay) : 0;
}

/** A pod without a node. */
export async function showWaiting(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  message: string,
  signal: AbortSignal,
): Promise<Next> {
  const waited = deps.clock.now() - Date.parse(pod.createdAt);
  if (waited < worthAWriteMs) return { requeueAfterMs: worthAWriteMs };
  return noteWaiting(deps, taskAction, pod, message, signal);
}

/** A container that does not start, while it still may. */
export async function showProblem(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  problem: StartProblem,
  signal: AbortSignal,
): Promise<Next> {
  return note(
    deps,
    taskAction,
    { phase: "INITIALIZING", occurredAt: pod.createdAt, message: startText(problem) },
    pod,
    signal,
  );
}

/** A pod that somebody else has deleted, and whose node does not tell of its end: nothing else may start until that is known. */
export async function showUnconfirmed(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  signal: AbortSignal,
): Promise<Next> {
  const { state, node = "", endsBy = "" } = pod;
  const left = Date.parse(endsBy) + deps.config.stuckPodMs - deps.clock.now();
  if (left > 0) return { requeueAfterMs: Math.max(worthAWriteMs, left) };
  const message = `pod ${pod.name} was to end by ${endsBy}, and node ${node} does not tell that it has: it may still run. A node that is lost for good has to be given up: kubectl delete node ${node}`;
  const entry =
    state.kind === "running"
      ? { phase: "RUNNING" as const, occurredAt: state.startedAt, message }
      : { phase: "INITIALIZING" as const, occurredAt: pod.createdAt, message };
  return note(deps, taskAction, entry, pod, signal);
}

/** An earlier pod of the action must be gone before the next one starts. */
export async function showOthers(
  deps: Deps,
  taskAction: TaskAction,
  others: readonly PodRecord[],
  signal: AbortSignal,
): Promise<Next> {
  const ends = others.map(({ metadata }) => Date.parse(metadata.deletionTimestamp ?? "") - deps.clock.now());
  const left = Math.min(...ends.map((ms) => (Number.isNaN(ms) ? worthAWriteMs : ms)));
  // Within its grace time a pod ends as it should, and its end wakes us.
  if (left > 0) return { requeueAfterMs: Math.max(worthAWriteMs, left) };
  const named = others.map(({ metadata, spec }) => `${metadata.name} on node ${spec.nodeName ?? "(none)"}`);
  return noteWaiting(deps, taskAction, undefined, `waits for the end of pod ${named.join(", ")}`, signal);
}

export async function noteWaiting(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView | undefined,
  message: string,
  signal: AbortSignal,
): Promise<Next> {
  const occurredAt = pod?.createdAt ?? nowIso(deps.clock);
  return note(deps, taskAction, { phase: "WAITING_FOR_RESOURCES", occurredAt, message }, pod, signal);
}

async function note(
  deps: Deps,
  taskAction: TaskAction,
  said: Omit<PhaseEntry, "attempt"> & { readonly message: string },
  pod: PodView | undefined,
  signal: AbortSignal,
): Promise<Next> {
  const { phase, message } = said;
  const known = taskAction.status?.conditions?.find((condition) => condition.type === "Progressing");
  const same = progressReason(taskAction) === progressing[phase];
  if (same && (known?.message ?? "") === conditionMessage(message)) return undefined;
  const quiet = deps.clock.now() - Date.parse(known?.lastTransitionTime ?? "");
  if (same && quiet >= 0 && quiet < betweenTextsMs) return { requeueAfterMs: betweenTextsMs - quiet };
  const at = nowIso(deps.clock);
  const entry: PhaseEntry = { ...said, attempt: currentPod(taskAction).attempt };
  const before = seenPhases(taskAction, pod).filter((seen) => seen.phase !== phase);
  await writeStatus(deps, taskAction, progressed(taskAction, phase, [...before, entry], message, at), signal);
  return undefined;
}
