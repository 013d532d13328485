/** An action whose pod has no place yet: said in the status and reported, never failed for it. */
import type { PhaseEntry, TaskAction } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import { seenPhases } from "../report/action-report.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { cut, maxConditionMessage, progressed } from "./status.ts";
import { writeStatus } from "./write.ts";

/** A phase that lasts shorter than this is reported but not written for itself. */
export const worthAWriteMs = 1_000;
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

export async function showWaiting(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  message: string,
  signal: AbortSignal,
): Promise<Next> {
  const waited = deps.clock.now() - Date.parse(pod.createdAt);
  if (waited < worthAWriteMs) return { requeueAfterMs: worthAWriteMs };
  await noteWaiting(deps, taskAction, pod, message, signal);
  return undefined;
}

export async function noteWaiting(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView | undefined,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  const known = taskAction.status?.conditions?.find((condition) => condition.type === "Progressing");
  if (known?.reason === "Queued" && (known.message ?? "") === cut(message, maxConditionMessage)) return;
  const { attempt } = currentPod(taskAction);
  const at = nowIso(deps.clock);
  const waiting: PhaseEntry = { phase: "WAITING_FOR_RESOURCES", occurredAt: pod?.createdAt ?? at, attempt, message };
  const [queued] = seenPhases(taskAction, undefined);
  const entries = queued === undefined ? [waiting] : [queued, waiting];
  await writeStatus(deps, taskAction, progressed(taskAction, "WAITING_FOR_RESOURCES", entries, message, at), signal);
}
