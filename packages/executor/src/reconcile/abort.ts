/** An action whose resource was deleted before its end: its pods go first, then the status tells so. */
import { abortReasonAnnotation, type TaskAction } from "@homeplane/idl";
import { pods } from "@homeplane/kube";
import { currentPod, outputPrefixOf } from "../pod/task.ts";
import { seenPhases } from "../report/action-report.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { currentPodView, ignoreNotFound } from "./current-pod.ts";
import { stopChildren } from "./stop-children.ts";
import { ended } from "./status.ts";
import { writeStatus } from "./write.ts";

/** Deletions that nobody tells us the end of are looked at again. */
const recheckMs = 5_000;

export function abortReason({ metadata }: TaskAction): string {
  return metadata.annotations?.[abortReasonAnnotation] ?? "aborted";
}

export async function abort(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  await stopChildren(deps, taskAction, signal);
  const namespace = taskAction.metadata.namespace ?? "";
  const view = currentPodView(deps, taskAction);
  const alive = deps.pods.byIndex("owner", taskAction.metadata.uid ?? "");
  for (const { metadata } of alive) {
    if (metadata.deletionTimestamp !== undefined) continue;
    const preconditions = { uid: metadata.uid ?? "" };
    await deps.client.delete(pods, { namespace, name: metadata.name }, { preconditions, signal }).catch(ignoreNotFound);
  }
  const running = alive.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  if (running.length > 0) return { requeueAfterMs: recheckMs };
  const { attempt, incarnation, name } = currentPod(taskAction);
  // The view may lag behind a pod that we created a moment ago.
  if (view === undefined && (await existsAlive(deps, namespace, name, signal))) return { requeueAfterMs: 200 };
  const endedAt = nowIso(deps.clock);
  const entries = seenPhases(taskAction, view);
  const startedAt = entries.find((entry) => entry.phase === "RUNNING")?.occurredAt ?? endedAt;
  const error = { code: "Aborted", kind: "USER" as const, message: abortReason(taskAction) };
  const record = {
    attempt,
    phase: "ABORTED" as const,
    startedAt,
    endedAt,
    error,
    outputUri: outputPrefixOf(taskAction, attempt, incarnation),
  };
  await writeStatus(
    deps,
    taskAction,
    ended(taskAction, { ...record, ...(view || alive.length > 0 ? { podName: name } : {}) }, entries),
    signal,
  );
  return undefined;
}

async function existsAlive(deps: Deps, namespace: string, name: string, signal: AbortSignal): Promise<boolean> {
  const found = await deps.client.list(pods, { namespace, fieldSelector: `metadata.name=${name}`, signal });
  return found.items.some((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
}
