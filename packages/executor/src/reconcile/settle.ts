/** An action that has ended: its children are stopped, its end is told, and in time it is cleaned away. */
import { labels, labelValue, type TaskAction, taskActionFinalizer, terminalPhase } from "@homeplane/idl";
import { isConflict } from "@homeplane/kube";
import { keyOfTaskAction, taskActionType } from "../resource.ts";
import type { Deps, Next } from "./deps.ts";
import { ignoreNotFound } from "./current-pod.ts";
import { stopChildren } from "./stop-children.ts";
import type { PodRecord } from "./pod-record.ts";
import { hasRunOut, stopPods } from "./stop-pods.ts";
import { removeFinalizer, writeLabels } from "./write.ts";

export function isSettled({ metadata }: TaskAction): boolean {
  return metadata.labels?.[labels.terminationStatus] === "terminated";
}

export async function settle(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  const { metadata, spec } = taskAction;
  await stopChildren(deps, taskAction, signal);
  // A sidecar may outlive the task; a container that never started may still come to life. A pod that is ending anyway is no write worth: only when
  // the action itself is to go is nothing left to chance.
  const leaves = (pod: PodRecord): boolean => metadata.deletionTimestamp === undefined && hasRunOut(pod);
  const alive = await stopPods(deps, taskAction, signal, leaves);
  if (!isSettled(taskAction)) {
    // The outbox calls us again once the end is acknowledged.
    if (!deps.outbox.isAcknowledged(metadata.uid ?? "")) return undefined;
    const completed = taskAction.status?.attemptHistory?.at(-1)?.endedAt ?? "";
    const stamp = completed.replaceAll(":", "-");
    await writeLabels(
      deps,
      taskAction,
      { [labels.terminationStatus]: "terminated", [labels.completedTime]: labelValue(stamp) },
      signal,
    );
    return undefined;
  }
  deps.outbox.forget(metadata.uid ?? "");
  if (metadata.deletionTimestamp !== undefined) {
    if (!metadata.finalizers?.includes(taskActionFinalizer)) return undefined;
    // Nothing that still runs is left without its action. Its end brings us back.
    if (alive.length > 0) return undefined;
    // A retried parent must still see that this child has ended.
    if (parentIsLive(deps, taskAction)) return undefined;
    await removeFinalizer(deps, taskAction, signal).catch((error: unknown) => {
      if (!isConflict(error)) ignoreNotFound(error);
    });
    return undefined;
  }
  if (spec.parentActionName !== undefined) return undefined;
  return retire(deps, taskAction, signal);
}

/** The root goes when its time is up; its descendants follow by owner. */
async function retire(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  const { metadata, status } = taskAction;
  const endedAt = Date.parse(status?.attemptHistory?.at(-1)?.endedAt ?? metadata.creationTimestamp ?? "");
  const left = endedAt + deps.config.retentionMs - deps.clock.now();
  const run = { uid: metadata.uid ?? "", key: keyOfTaskAction(taskAction), endedAt };
  if (left > 0 && deps.retention.keeps(run)) return { requeueAfterMs: Math.min(left, deps.config.retentionMs) };
  const name = { namespace: metadata.namespace ?? "", name: metadata.name };
  const options = { propagationPolicy: "Background" as const, preconditions: { uid: metadata.uid ?? "" }, signal };
  await deps.client.delete(taskActionType, name, options).catch(ignoreNotFound);
  return undefined;
}

function parentIsLive(deps: Deps, { metadata }: TaskAction): boolean {
  const owner = metadata.ownerReferences?.[0];
  if (owner === undefined) return false;
  const parent = deps.taskActions.get(`${metadata.namespace}/${owner.name}`);
  return parent !== undefined && parent.metadata.uid === owner.uid && terminalPhase(parent) === undefined;
}
