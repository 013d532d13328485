/** An action that is to run: its pod is created, watched, and its end becomes the next status. */
import { type PhaseEntry, progressReason, type TaskAction, terminalPhase } from "@homeplane/idl";
import { isNotFound, pods } from "@homeplane/kube";
import { primaryContainerAnnotation } from "../pod/concerns.ts";
import { observePod, type PodEnd, type PodView } from "../pod/observe.ts";
import { currentPod, decodeTemplate, outputPrefixOf } from "../pod/task.ts";
import { seenPhases } from "../report/action-report.ts";
import { readAttemptFiles } from "./attempt-files.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { launchPod } from "./launch.ts";
import { retryPolicy, statusAfter } from "./next-status.ts";
import { classifyEnd, explainVersions, type Outcome } from "./outcome.ts";
import { judgeStart } from "./start-problem.ts";
import { cut, maxConditionMessage, progressed } from "./status.ts";
import { readLive, writeStatus } from "./write.ts";

/** A phase that lasts shorter than this is reported but not written for itself. */
const worthAWriteMs = 1_000;
/** Waiting for quota: tries grow rarer as it goes on, so that those who wait leave the API to those who run. */
const shortestWaitMs = 5_000;
const longestWaitMs = 60_000;

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

/** A quarter of what it has waited so far. */
function waitMs({ clock, random }: Deps, { status }: TaskAction, attempt: number): number {
  const since = status?.phaseHistory?.findLast(
    (entry) => entry.phase === "WAITING_FOR_RESOURCES" && entry.attempt === attempt,
  )?.occurredAt;
  const waited = since === undefined ? 0 : clock.now() - Date.parse(since);
  return Math.min(longestWaitMs, Math.max(shortestWaitMs, waited / 4)) * (0.75 + 0.5 * random());
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

async function showWaiting(
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

async function noteWaiting(
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

async function judgeEnd(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  end: PodEnd,
  signal: AbortSignal,
): Promise<Next> {
  const { attempt, incarnation } = currentPod(taskAction);
  const files = await readAttemptFiles(deps.store, outputPrefixOf(taskAction, attempt, incarnation), signal);
  // The template is read only when it can matter: a success without outputs.
  const declared = end.exitCode === 0 && !files.outputs && (await declaresOutputs(deps, taskAction, signal));
  let outcome = classifyEnd(end, files, declared);
  if (endedByDeletion(pod, end) && outcome.kind === "user" && files.error === undefined) {
    outcome = {
      kind: "system",
      code: "ResourceDeletedExternally",
      message: `pod ${pod.name} was deleted while it ran`,
    };
  }
  return conclude(
    deps,
    taskAction,
    { pod, outcome, endedAt: end.finishedAt ?? nowIso(deps.clock), podName: pod.name },
    signal,
  );
}

/** A pod that ended before anybody asked for its deletion ended by itself. */
function endedByDeletion({ deletedAt }: PodView, { reason, finishedAt }: PodEnd): boolean {
  if (deletedAt === undefined || reason === "OOMKilled") return false;
  return finishedAt === undefined || Date.parse(finishedAt) >= Date.parse(deletedAt);
}

async function declaresOutputs(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<boolean> {
  const live = await readLive(deps, taskAction, signal);
  if (live === undefined) return false;
  return (decodeTemplate(live).interface?.outputs?.variables.length ?? 0) > 0;
}

interface Conclusion {
  readonly outcome: Outcome;
  readonly endedAt: string;
  /** As far as it can still be seen. */
  readonly pod?: PodView;
  readonly podName?: string;
  readonly reason?: "InvalidSpec" | "PluginNotFound";
}

async function conclude(
  deps: Deps,
  taskAction: TaskAction,
  conclusion: Conclusion,
  signal: AbortSignal,
): Promise<Next> {
  const { outcome, endedAt, pod, podName, reason } = conclusion;
  const { attempt, incarnation } = currentPod(taskAction);
  // Retries and the SDK's version stand in the template, which the informer does not keep; an invalid one has neither.
  const live = outcome.kind === "user" && reason === undefined ? await readLive(deps, taskAction, signal) : undefined;
  const metadata = live === undefined ? undefined : decodeTemplate(live).metadata;
  const explained = explainVersions(outcome, metadata?.runtime?.version ?? "", deps.config.pod.sdkVersion);
  const entries = seenPhases(taskAction, pod);
  const startedAt = entries.find((entry) => entry.phase === "RUNNING")?.occurredAt ?? entries[0]?.occurredAt ?? endedAt;
  const end = {
    ...{ outcome: explained, attempt, startedAt, endedAt, entries, now: deps.clock.now() },
    outputUri: outputPrefixOf(taskAction, attempt, incarnation),
    ...(podName === undefined ? {} : { podName }),
    ...(reason === undefined ? {} : { reason }),
  };
  await writeStatus(
    deps,
    taskAction,
    statusAfter(taskAction, end, retryPolicy(metadata?.retries), deps.config, deps.random),
    signal,
  );
  return undefined;
}

export function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** The pod of the current incarnation, as the informer has it. */
export function currentPodView(deps: Deps, taskAction: TaskAction): PodView | undefined {
  const { name } = currentPod(taskAction);
  const pod = deps.pods
    .byIndex("owner", taskAction.metadata.uid ?? "")
    .find((candidate) => candidate.metadata.name === name);
  if (pod === undefined) return undefined;
  return observePod(pod, pod.metadata.annotations?.[primaryContainerAnnotation] ?? "");
}
