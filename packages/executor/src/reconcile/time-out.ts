/** An action that has exceeded a bound on its time: that is written, its pod is stopped, then the attempt has ended. A crash between two of them goes on at the next. */
import type { Exceeded, ExceededCode } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import type { TaskActionView } from "../resource.ts";
import type { AlarmKind } from "./alarms.ts";
import { conclude } from "./conclude.ts";
import { hasHadPod } from "./current-pod.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { endedByDeletion, judgeEnd } from "./judge-end.ts";
import { exceeding } from "./status.ts";
import { livePod, patienceMs, stopPods, stuckText } from "./stop-pods.ts";
import { limitsNow } from "./time-limits.ts";
import { backoffLeftMs } from "./waiting.ts";
import { writeStatus } from "./write.ts";

/** A deletion that nobody tells us the end of is looked at again. */
const recheckMs = 5_000;
const lagMs = 200;

const alarmOf: Readonly<Record<ExceededCode, AlarmKind>> = {
  DEADLINE_EXCEEDED: "deadline",
  MAX_RUNTIME_EXCEEDED: "runtime",
  QUEUED_TIMEOUT_EXCEEDED: "queued",
};

/** The bound that the action has exceeded, if any. Those that it has not yet wake it when they end. */
export function exceededLimit(deps: Deps, taskAction: TaskActionView, pod: PodView | undefined): Exceeded | undefined {
  const { name } = currentPod(taskAction);
  const decided = taskAction.status?.exceeded;
  if (decided?.podName === name) return decided;
  const over = limitsNow(taskAction, pod, pod !== undefined || mayQueue(deps, taskAction)).filter(
    ({ code, since, boundMs }) => deps.alarms.left(taskAction, alarmOf[code], since, boundMs) === 0,
  );
  const [first] = over;
  return first && { podName: name, code: first.code, message: first.message, at: nowIso(deps.clock) };
}

/** There is no pod: it is still to come, and not only after a delay. */
function mayQueue(deps: Deps, taskAction: TaskActionView): boolean {
  if (hasHadPod(deps, taskAction)) return false;
  return backoffLeftMs(deps, taskAction) === 0;
}

export async function timeOut(
  deps: Deps,
  taskAction: TaskActionView,
  pod: PodView | undefined,
  exceeded: Exceeded,
  signal: AbortSignal,
): Promise<Next> {
  const { podName, code, message } = exceeded;
  const outcome = { kind: "timeout" as const, final: code === "DEADLINE_EXCEEDED", code, message };
  const decided = taskAction.status?.exceeded?.podName === podName;
  if (pod === undefined) {
    // The view may lag behind a pod that was created a moment ago, and that may even have ended.
    const live = await livePod(deps, taskAction.metadata.namespace ?? "", podName, signal);
    if (live !== undefined) return { requeueAfterMs: lagMs };
  } else if (!decided) {
    // Once the pod is gone nothing else would tell why.
    const entries = seenPhases(taskAction, pod);
    const phase = entries.at(-1)?.phase ?? "QUEUED";
    await writeStatus(deps, taskAction, exceeding(taskAction, exceeded, phase, entries), signal);
    return undefined;
  }
  const had = { ...(pod ? { pod } : {}), ...(decided ? { podName } : {}) };
  if (pod?.state.kind === "ended") {
    const { end } = pod.state;
    // It was faster than we were: what is finished counts.
    if (!endedByDeletion(pod, end)) return judgeEnd(deps, taskAction, pod, end, signal, outcome);
    return conclude(deps, taskAction, { outcome, ...had, endedAt: end.finishedAt ?? nowIso(deps.clock) }, signal);
  }
  const alive = await stopPods(deps, taskAction, signal);
  const left = patienceMs(deps, taskAction, alive);
  if (left === undefined) return { requeueAfterMs: recheckMs };
  if (left > 0) return undefined;
  const text = alive.length === 0 ? message : `${message}; ${stuckText(alive)}`;
  const ending = { outcome: { ...outcome, message: text }, ...had, endedAt: nowIso(deps.clock) };
  return conclude(deps, taskAction, ending, signal);
}
