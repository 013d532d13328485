/** The pods of an action are ended: SIGTERM, the grace time, SIGKILL. */
import type { TaskAction } from "@homeplane/idl";
import { type Pod, pods } from "@homeplane/kube";
import { deletedAt } from "../pod/observe.ts";
import { ignoreNotFound } from "./current-pod.ts";
import type { Deps } from "./deps.ts";
import type { PodRecord } from "./pod-record.ts";

/** Asks for the deletion of those that still run, but for those that `spares` names; resolves with all that may run yet. */
export async function stopPods(
  deps: Deps,
  { metadata }: TaskAction,
  signal: AbortSignal,
  spares: (pod: PodRecord) => boolean = () => false,
): Promise<PodRecord[]> {
  const alive = deps.pods.byIndex("owner", metadata.uid ?? "").filter((pod) => !spares(pod) && mayRun(pod));
  for (const { metadata: pod } of alive) {
    if (pod.deletionTimestamp !== undefined) continue;
    const name = { namespace: pod.namespace ?? "", name: pod.name };
    await deps.client.delete(pods, name, { preconditions: { uid: pod.uid ?? "" }, signal }).catch(ignoreNotFound);
  }
  return alive;
}

/** All of its containers have ended, and none is started again: the kubelet is about to say that the pod has. */
export function hasRunOut({ spec, status }: PodRecord): boolean {
  const ended = new Set(status?.containerStatuses?.filter(({ state }) => state?.terminated).map(({ name }) => name));
  return spec.containers.every(({ name }) => ended.has(name));
}

/** A pod that is deleted before it got a node never gets one, whatever still holds the object. */
export function mayRun({ metadata, spec, status }: PodRecord): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return false;
  return metadata.deletionTimestamp === undefined || Boolean(spec.nodeName);
}

/** The pod as the API has it now. */
export async function livePod(
  deps: Deps,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const { items } = await deps.client.list(pods, { namespace, fieldSelector: `metadata.name=${name}`, signal });
  return items[0];
}

/** How long the end of these pods is still waited for; the action is woken then. `undefined` = their deletion is not seen yet. */
export function patienceMs(deps: Deps, taskAction: TaskAction, alive: readonly PodRecord[]): number | undefined {
  let last: { since: string; graceMs: number } | undefined;
  for (const { metadata } of alive) {
    if (metadata.deletionTimestamp === undefined) return undefined;
    const since = deletedAt(metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds);
    const graceMs = (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    if (last === undefined || Date.parse(since) + graceMs > Date.parse(last.since) + last.graceMs)
      last = { since, graceMs };
  }
  if (last === undefined) return 0;
  return deps.alarms.left(taskAction, "stop", last.since, last.graceMs + deps.config.stuckPodMs);
}

/** How the pods that do not end are told of. */
export function stuckText(alive: readonly PodRecord[]): string {
  const named = alive.map(({ metadata, spec }) => `${metadata.name} on node ${spec.nodeName ?? "(none)"}`);
  return `the end of pod ${named.join(", ")} was not confirmed in time: it may still run`;
}
