/** A pod has ended: what it means. */
import type { TaskAction } from "@homeplane/idl";
import { storeResult } from "../cache/store-result.ts";
import type { PodEnd, PodView } from "../pod/observe.ts";
import { currentPod, decodeTemplate, outputPrefixOf } from "../pod/task.ts";
import { readAttemptFiles } from "./attempt-files.ts";
import { conclude } from "./conclude.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { classifyEnd, type Outcome } from "./outcome.ts";
import { readLive } from "./write.ts";

/** `stopped`: what it is when the task was being stopped and left neither result nor error. */
export async function judgeEnd(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  end: PodEnd,
  signal: AbortSignal,
  stopped?: Outcome,
): Promise<Next> {
  const { attempt, incarnation } = currentPod(taskAction);
  const files = await readAttemptFiles(deps.store, outputPrefixOf(taskAction, attempt, incarnation), signal);
  // The template is read only when it can matter: a success without outputs.
  const declared = end.exitCode === 0 && !files.outputs && (await declaresOutputs(deps, taskAction, signal));
  let outcome = classifyEnd(end, files, declared);
  const leftNothing = outcome.kind !== "success" && files.error === undefined;
  if (stopped !== undefined && leftNothing) outcome = stopped;
  else if (endedByDeletion(pod, end) && outcome.kind === "user" && leftNothing) {
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

/** The exit codes of SIGTERM and SIGKILL. */
const signals: ReadonlySet<number | undefined> = new Set([143, 137]);

/** A pod that ended before anybody asked for its deletion ended by itself. Two clocks wrote these times: an end by a signal needs no comparison. */
export function endedByDeletion({ deletedAt }: PodView, { reason, exitCode, finishedAt }: PodEnd): boolean {
  if (deletedAt === undefined || reason === "OOMKilled") return false;
  if (signals.has(exitCode)) return true;
  return finishedAt === undefined || Date.parse(finishedAt) >= Date.parse(deletedAt);
}

async function declaresOutputs(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<boolean> {
  const live = await readLive(deps, taskAction, signal);
  if (live === undefined) return false;
  return (decodeTemplate(live).interface?.outputs?.variables.length ?? 0) > 0;
}
