/** The end of a pod, or of the hope for one, becomes the next status of its action. */
import type { CacheStatus, TaskAction } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { currentPod, decodeTemplate, outputPrefixOf } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import type { Deps, Next } from "./deps.ts";
import { retryPolicy, statusAfter } from "./next-status.ts";
import { explainModule, explainVersions, type Outcome } from "./outcome.ts";
import { readLive, writeStatus } from "./write.ts";

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
