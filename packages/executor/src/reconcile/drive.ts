/** An action that is to run: its pod is created and watched. */
import { progressReason, type TaskAction, terminalPhase } from "@homeplane/idl";
import { isNotFound, pods } from "@homeplane/kube";
import { consultCache } from "../cache/consult.ts";
import type { PodState, PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import { awaitSignal } from "./await-signal.ts";
import { hasHadPod, lostPodView } from "./current-pod.ts";
import { conclude } from "./conclude.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { judgeEnd } from "./judge-end.ts";
import { launchPod } from "./launch.ts";
import type { Outcome } from "./outcome.ts";
import { recover } from "./recover.ts";
import { longestLookMs, quietMs, startEvent } from "./start-events.ts";
import { endsAttempt, judgeStart } from "./start-problem.ts";
import { progressed } from "./status.ts";
import { stopPods } from "./stop-pods.ts";
import {
  backoffLeftMs,
  noteWaiting,
  saidSince,
  showOthers,
  showProblem,
  showUnconfirmed,
  showWaiting,
  waitMs,
} from "./waiting.ts";
import { readLive, writeStatus } from "./write.ts";

export async function drive(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView | undefined,
  signal: AbortSignal,
): Promise<Next> {
  if (taskAction.spec.recovered !== undefined) return recover(deps, taskAction, signal);
  if (taskAction.spec.actionType === "condition") return awaitSignal(deps, taskAction, signal);
  if (pod === undefined) return start(deps, taskAction, signal);
  const { state } = pod;
  switch (state.kind) {
    case "created":
      return undefined;
    case "waiting":
      return showWaiting(deps, taskAction, pod, state.message, signal);
    case "starting":
      return starting(deps, taskAction, pod, state, signal);
    case "running":
      if (progressReason(taskAction) !== "Executing") {
        await writeStatus(
          deps,
          taskAction,
          progressed(taskAction, "RUNNING", seenPhases(taskAction, pod), "", state.startedAt),
          signal,
        );
        return undefined;
      }
      return pod.endsBy === undefined ? undefined : showUnconfirmed(deps, taskAction, pod, signal);
    case "ended":
      return judgeEnd(deps, taskAction, pod, state.end, signal);
    default:
      return state satisfies never;
  }
}

/** It has a node, and its containers are being made. */
async function starting(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  { since, problem: told }: Extract<PodState, { kind: "starting" }>,
  signal: AbortSignal,
): Promise<Next> {
  if (pod.endsBy !== undefined) return showUnconfirmed(deps, taskAction, pod, signal);
  const quiet = told === undefined && deps.alarms.left(taskAction, "quiet", since, quietMs) > 0;
  if (quiet) return undefined;
  const problem = told ?? (await startEvent(deps, pod, signal));
  // The longer it takes the more rarely: reading events is a burden on the API, and many pods may be pulling the same large image.
  const again = Math.min(longestLookMs, Math.max(quietMs, (deps.clock.now() - Date.parse(since)) / 3));
  if (problem === undefined) return { requeueAfterMs: again };
  const left = deps.alarms.left(taskAction, "start", since, deps.config.startGraceMs);
  const outcome = told === undefined && !endsAttempt(problem) ? undefined : judgeStart(problem, left === 0, pod.name);
  if (outcome !== undefined)
    return conclude(deps, taskAction, { pod, outcome, endedAt: nowIso(deps.clock), podName: pod.name }, signal);
  const next = await showProblem(deps, taskAction, pod, problem, signal);
  // Events bring nobody back.
  return told === undefined ? { requeueAfterMs: again } : next;
}

async function start(deps: Deps, seen: TaskAction, signal: AbortSignal): Promise<Next> {
  if (backoffLeftMs(deps, seen) > 0) return undefined;
  const taskAction = await readLive(deps, seen, signal);
  if (taskAction === undefined || taskAction.metadata.deletionTimestamp !== undefined) return undefined;
  if (terminalPhase(taskAction) !== undefined) return undefined;
  const { attempt, incarnation, name } = currentPod(taskAction);
  const before = currentPod(seen);
  // The view was behind: its echo brings us back.
  if (before.attempt !== attempt || before.incarnation !== incarnation) return undefined;
  if (hasHadPod(deps, taskAction)) return lostPod(deps, taskAction, name, signal);
  // At most one pod of an action is alive: one of an earlier attempt or incarnation must be gone first.
  const others = await stopPods(deps, taskAction, signal, ({ metadata }) => metadata.name === name);
  if (others.length > 0) return showOthers(deps, taskAction, others, signal);

  const consulted = await consultCache(deps, taskAction, signal);
  if (consulted.kind === "done") return consulted;
  const launch = await launchPod(deps, taskAction, consulted.cache, signal);
  if (launch.kind === "created") return undefined;
  if (launch.kind === "failed") {
    // The queue tries again, ever more rarely; why it has to must not stand in our log alone.
    await noteWaiting(deps, taskAction, undefined, launch.message, signal);
    throw new Error(launch.message, { cause: launch.error });
  }
  if (launch.kind === "waiting") {
    const since = saidSince(taskAction, launch.message) ?? nowIso(deps.clock);
    const left = launch.refusal && deps.alarms.left(taskAction, "start", since, deps.config.startGraceMs);
    if (launch.refusal !== undefined && left === 0)
      return conclude(deps, taskAction, { outcome: launch.refusal, endedAt: nowIso(deps.clock) }, signal);
    await noteWaiting(deps, taskAction, undefined, launch.message, signal);
    return { requeueAfterMs: waitMs(deps, taskAction, attempt) };
  }
  const { outcome, reason } = launch;
  return conclude(
    deps,
    taskAction,
    { outcome, endedAt: nowIso(deps.clock), ...(reason === undefined ? {} : { reason }) },
    signal,
  );
}

/** It was there and is gone: somebody else deleted it. The live API is asked, a lagging view would make a second pod. */
async function lostPod(deps: Deps, taskAction: TaskAction, name: string, signal: AbortSignal): Promise<Next> {
  try {
    await deps.client.get(pods, { namespace: taskAction.metadata.namespace ?? "", name }, { signal });
    return { requeueAfterMs: 1_000 };
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const outcome: Outcome = {
    kind: "system",
    code: "ResourceDeletedExternally",
    message: `pod ${name} was deleted by someone else`,
  };
  // What it was seen to do has been reported: it is kept, so that no later report falls behind it.
  const view = lostPodView(deps, taskAction);
  if (view?.state.kind === "ended") return judgeEnd(deps, taskAction, view, view.state.end, signal);
  const seen = view === undefined ? {} : { pod: view };
  return conclude(deps, taskAction, { outcome, endedAt: nowIso(deps.clock), podName: name, ...seen }, signal);
}
