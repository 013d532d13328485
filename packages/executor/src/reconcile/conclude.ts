/** The end of a pod, or of the hope for one, becomes the next status of its action. */
import type { CacheStatus, TaskAction } from "@homeplane/idl";
import { storeResult } from "../cache/store-result.ts";
import type { PodEnd, PodView } from "../pod/observe.ts";
import { currentPod, decodeTemplate, outputPrefixOf } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import { readAttemptFiles } from "./attempt-files.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { retryPolicy, statusAfter } from "./next-status.ts";
import { classifyEnd, explainModule, explainVersions, type Outcome } from "./outcome.ts";
import { readLive, writeStatus } from "./write.ts";

export async function judgeEnd(
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
  const endedAt = end.finishedAt ?? nowIso(deps.clock);
  const succeeded = outcome.kind === "success" && files.outputs;
  const stored = succeeded ? await storeResult(deps, taskAction, pod, endedAt, signal) : pod.cache?.status;
  if (typeof stored === "object") return stored;
  const cacheStatus = stored === undefined ? {} : { cacheStatus: stored };
  return conclude(deps, taskAction, { pod, outcome, endedAt, podName: pod.name, ...cacheStatus }, signal);
}

/** A pod that ended before anybody asked for its deletion ended by itself. */
export function endedByDeletion({ deletedAt }: PodView, { reason, finishedAt }: PodEnd): boolean {
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
  readonly cacheStatus?: CacheStatus;
}

export async function conclude(
  deps: Deps,
  taskAction: TaskAction,
  conclusion: Conclusion,
  signal: AbortSignal,
): Promise<Next> {
  const { outcome, endedAt, pod, podName, reason, cacheStatus = pod?.cache?.status } = conclusion;
  const { attempt, incarnation } = currentPod(taskAction);
  // Retries and the SDK's version stand in the template, which the informer does not keep; an invalid one has neither.
  const usesRetry = outcome.kind === "user" || outcome.kind === "timeout";
  const live = usesRetry && reason === undefined ? await readLive(deps, taskAction, signal) : undefined;
  const metadata = live === undefined ? undefined : decodeTemplate(live).metadata;
  const { sdkVersion, python } = deps.config.pod;
  const explained = explainVersions(explainModule(outcome, python), metadata?.runtime?.version ?? "", sdkVersion);
  const entries = seenPhases(taskAction, pod);
  const startedAt = entries.find((entry) => entry.phase === "RUNNING")?.occurredAt ?? entries[0]?.occurredAt ?? endedAt;
  const end = {
    ...{ outcome: explained, attempt, startedAt, endedAt, entries, now: deps.clock.now() },
    outputUri: outputPrefixOf(taskAction, attempt, incarnation),
    ...(podName === undefined ? {} : { podName }),
    ...(reason === undefined ? {} : { reason }),
    ...(cacheStatus === undefined ? {} : { cacheStatus }),
  };
  await writeStatus(
    deps,
    taskAction,
    statusAfter(taskAction, end, retryPolicy(metadata?.retries), deps.config, deps.random),
    signal,
  );
  return undefined;
}
