import { progressReason, type TaskAction } from "@homeplane/idl";
import { isNotFound } from "@homeplane/kube";
import { primaryContainerAnnotation } from "../pod/concerns.ts";
import { observePod, type PodView } from "../pod/observe.ts";
import { currentPod } from "../pod/task.ts";
import type { Deps } from "./deps.ts";
import type { PodRecord } from "./pod-record.ts";

/** The pod of the current incarnation, as the informer has it. */
export function currentPodView(deps: Deps, taskAction: TaskAction): PodView | undefined {
  const { name } = currentPod(taskAction);
  const pod = deps.pods
    .byIndex("owner", taskAction.metadata.uid ?? "")
    .find((candidate) => candidate.metadata.name === name);
  return pod && viewOf(pod);
}

/** The same pod as it was before it went, as far as that was seen. */
export function lostPodView(deps: Deps, taskAction: TaskAction): PodView | undefined {
  const pod = deps.fresh.lost(taskAction, currentPod(taskAction).name);
  return pod && viewOf(pod);
}

function viewOf(pod: PodRecord): PodView {
  return observePod(pod, pod.metadata.annotations?.[primaryContainerAnnotation] ?? "");
}

/** The current incarnation has had its pod: when none is there now, it was lost. */
export function hasHadPod(deps: Deps, taskAction: TaskAction): boolean {
  const reason = progressReason(taskAction);
  return (
    reason === "Executing" ||
    reason === "Initializing" ||
    deps.fresh.lost(taskAction, currentPod(taskAction).name) !== undefined
  );
}

/** Deleting what is gone already is done. */
export function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
