/** An action that is to run: its pod is created and watched. */
import { progressReason, type TaskAction, terminalPhase } from "@homeplane/idl";
import { isNotFound, pods } from "@homeplane/kube";
import type { PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import { seenPhases } from "../report/action-report.ts";
import { conclude, judgeEnd } from "./conclude.ts";
import { ignoreNotFound } from "./current-pod.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { launchPod } from "./launch.ts";
import type { Outcome } from "./outcome.ts";
import { judgeStart } from "./start-problem.ts";
import { progressed } from "./status.ts";
import { noteWaiting, showWaiting, waitMs, worthAWriteMs } from "./waiting.ts";
import { readLive, writeStatus } from "./write.ts";

export async function drive(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView | undefined,
  signal: AbortSignal,
): Promise<Next> {
  if (pod === undefined) return start(deps, taskAction, signal);
  const { state } = pod;
  switch (state.kind) {
    case "created":
      return undefined;
    case "waiting":
      return showWaiting(deps, taskAction, pod, state.message, signal);
    case "starting": {
      if (state.problem === undefined) return undefined;
      const waited = deps.clock.now() - Date.parse(state.since);
      const outcome = judgeStart(state.problem, waited, deps.config.startGraceMs);
      if (outcome !== undefined)
        return conclude(deps, taskAction, { pod, outcome, endedAt: nowIso(deps.clock), podName: pod.name }, signal);
      return { requeueAfterMs: Math.max(worthAWriteMs, deps.config.startGraceMs - waited) };
    }
    case "running":
      if (progressReason(taskAction) !== "Executing") {
        await writeStatus(
          deps,
          taskAction,
          progressed(taskAction, "RUNNING", seenPhases(taskAction, pod), "", state.startedAt),
          signal,
        );
      }
      return undefined;
    case "ended":
      return judgeEnd(deps, taskAction, pod, state.end, signal);
    default:
      return state satisfies never;
  }
}

async function start(deps: Deps, seen: TaskAction, signal: AbortSignal): Promise<Next> {
  const wait = Date.parse(seen.status?.notBefore ?? "") - deps.clock.now();
  if (wait > 0) return { requeueAfterMs: wait };
  const taskAction = await readLive(deps, seen, signal);
  if (taskAction === undefined || taskAction.metadata.deletionTimestamp !== undefined) return undefined;
  if (terminalPhase(taskAction) !== undefined) return undefined;
  const { attempt, incarnation, name } = currentPod(taskAction);
  const before = currentPod(seen);
  // The view was behind: its echo brings us back.
  if (before.attempt !== attempt || before.incarnation !== incarnation) return undefined;
  if (progressReason(taskAction) === "Executing" || deps.fresh.hasLost(taskAction, name))
    return lostPod(deps, taskAction, name, signal);
  if (await endOthers(deps, taskAction, name, signal)) return undefined;

  const launch = await launchPod(deps.client, deps.config.pod, taskAction, signal);
  if (launch.kind === "created") return undefined;
  if (launch.kind === "waiting") {
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
  return conclude(deps, taskAction, { outcome, endedAt: nowIso(deps.clock), podName: name }, signal);
}

/** At most one pod of an action is alive: one of an earlier attempt or incarnation must be gone first. True = wait for that. */
async function endOthers(deps: Deps, { metadata }: TaskAction, name: string, signal: AbortSignal): Promise<boolean> {
  const others = deps.pods.byIndex("owner", metadata.uid ?? "").filter((pod) => pod.metadata.name !== name);
  const alive = others.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  for (const { metadata: other } of alive) {
    if (other.deletionTimestamp !== undefined) continue;
    const preconditions = { uid: other.uid ?? "" };
    await deps.client
      .delete(pods, { namespace: other.namespace ?? "", name: other.name }, { preconditions, signal })
      .catch(ignoreNotFound);
  }
  return alive.length > 0;
}
