/**
 * The life of one action. Level-triggered on the TaskAction's key: each pass looks at what is, does at most one thing about it, and is called
 * again when that shows. Invariants:
 *  - what can not be derived again (end of an attempt, counters, the end of the action) is in the status before anything else happens;
 *  - such a patch carries the resourceVersion that it was decided on, so a stale view can not move an action;
 *  - a pod is created only when the live TaskAction still wants that incarnation and no other pod of the action is alive.
 */
import { type TaskAction, terminalPhase } from "@homeplane/idl";
import { isConflict, isNotFound } from "@homeplane/kube";
import { keepReservation } from "../cache/keep-reservation.ts";
import { buildReport } from "../report/action-report.ts";
import { abort, abortReason } from "./abort.ts";
import type { Deps, Next } from "./deps.ts";
import { currentPodView } from "./current-pod.ts";
import { drive } from "./drive.ts";
import { isSettled, settle } from "./settle.ts";
import { keyOfTaskAction, type TaskActionView } from "../resource.ts";
import { exceededLimit, timeOut } from "./time-out.ts";

/** A conflict means that somebody wrote in between; the echo is on its way. */
const conflictMs = 100;

export async function reconcile(deps: Deps, key: string, signal: AbortSignal): Promise<Next> {
  const seen = deps.taskActions.get(key);
  if (seen === undefined) return undefined;
  const taskAction = deps.fresh.latest(seen);
  try {
    return await pass(deps, taskAction, signal);
  } catch (error) {
    // Gone or changed meanwhile: whoever did that made an event that brings us back, this is only in case it was lost.
    if (isConflict(error) || isNotFound(error)) return { requeueAfterMs: conflictMs };
    throw error;
  } finally {
    // Also of a pass that failed half-way: what it had written is to be told.
    report(deps, deps.fresh.latest(seen));
  }
}

async function pass(deps: Deps, taskAction: TaskActionView, signal: AbortSignal): Promise<Next> {
  if (terminalPhase(taskAction) !== undefined) {
    deps.catalog.waitNoMore(keyOfTaskAction(taskAction));
    await deps.catalog.release(taskAction.metadata.uid ?? "", signal);
    return settle(deps, taskAction, signal);
  }
  if (taskAction.metadata.deletionTimestamp !== undefined) return abort(deps, taskAction, signal);
  const pod = currentPodView(deps, taskAction);
  const exceeded = exceededLimit(deps, taskAction, pod);
  const next =
    exceeded === undefined
      ? await drive(deps, taskAction, pod, signal)
      : await timeOut(deps, taskAction, pod, exceeded, signal);
  return keepReservation(deps, taskAction, pod, next, signal);
}

function report(deps: Deps, taskAction: TaskAction): void {
  if (isSettled(taskAction)) return;
  const reason = taskAction.metadata.deletionTimestamp === undefined ? "" : abortReason(taskAction);
  const { cluster, pod } = deps.config;
  deps.outbox.submit(buildReport(taskAction, currentPodView(deps, taskAction), cluster, pod.org, reason));
}
