/** An action whose resource was deleted before its end: its pods go first, then the status tells so. */
import { abortReasonAnnotation, type TaskAction } from "@homeplane/idl";
import { KubeError, namespaces } from "@homeplane/kube";
import { currentPod, outputPrefixOf } from "../pod/task.ts";
import { seenPhases } from "../report/phases.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { currentPodView } from "./current-pod.ts";
import { stopChildren } from "./stop-children.ts";
import { ended } from "./status.ts";
import { livePod, mayRun, patienceMs, stopPods, stuckText } from "./stop-pods.ts";
import { writeAnnotation, writeStatus } from "./write.ts";

/** Deletions that nobody tells us the end of are looked at again. */
const recheckMs = 5_000;
/** For the view to catch up. */
const lagMs = 200;

export function abortReason({ metadata }: TaskAction): string {
  return metadata.annotations?.[abortReasonAnnotation] ?? "aborted";
}

/** Whoever deletes a namespace gives no reason: it is one. */
async function namespaceIsGoing({ client }: Deps, { metadata }: TaskAction, signal: AbortSignal): Promise<boolean> {
  try {
    const found = await client.get(namespaces, { name: metadata.namespace ?? "" }, { signal });
    return found.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (error instanceof KubeError && (error.status === 403 || error.status === 404)) return false;
    throw error;
  }
}

export async function abort(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  const { annotations = {}, namespace } = taskAction.metadata;
  if (annotations[abortReasonAnnotation] === undefined && (await namespaceIsGoing(deps, taskAction, signal))) {
    await writeAnnotation(deps, taskAction, abortReasonAnnotation, `namespace ${namespace} was deleted`, signal);
    return undefined;
  }
  await stopChildren(deps, taskAction, signal);
  const view = currentPodView(deps, taskAction);
  const running = await stopPods(deps, taskAction, signal);
  const left = patienceMs(deps, taskAction, running);
  if (left === undefined) return { requeueAfterMs: recheckMs };
  if (left > 0) return undefined;
  const { attempt, incarnation, name } = currentPod(taskAction);
  if (view === undefined) {
    // The view may lag behind a pod that we created a moment ago.
    const live = await livePod(deps, taskAction.metadata.namespace ?? "", name, signal);
    if (live !== undefined && mayRun(live)) return { requeueAfterMs: lagMs };
  }
  const endedAt = nowIso(deps.clock);
  const entries = seenPhases(taskAction, view);
  const startedAt = entries.find((entry) => entry.phase === "RUNNING")?.occurredAt ?? endedAt;
  const reason = abortReason(taskAction);
  const message = running.length === 0 ? reason : `${reason}; ${stuckText(running)}`;
  const record = {
    attempt,
    phase: "ABORTED" as const,
    startedAt,
    endedAt,
    error: { code: "Aborted", kind: "USER" as const, message },
    outputUri: outputPrefixOf(taskAction, attempt, incarnation),
    ...(view === undefined ? {} : { podName: name }),
  };
  await writeStatus(deps, taskAction, ended(taskAction, record, entries), signal);
  return undefined;
}
