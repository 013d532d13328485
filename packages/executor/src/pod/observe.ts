/** The one place that reads a pod's status. */
import type { ContainerStatus, Pod } from "@homeplane/kube";
import { cacheOfPod, type PodCache } from "../cache/pod-cache.ts";
import { outputsContainer } from "./raw-container.ts";

export interface PodView {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly createdAt: string;
  /** Its node, once it has one. */
  readonly node?: string;
  /** When its deletion was asked for; a graceful deletion ends later. */
  readonly deletedAt?: string;
  /** When the grace time of that deletion is over. */
  readonly endsBy?: string;
  readonly primary: string;
  readonly state: PodState;
  /** Of a cached task. */
  readonly cache?: PodCache;
}

export type PodState =
  /** Nobody has placed it yet, or said that it can not be. */
  | { readonly kind: "created" }
  /** Not placed yet: no room, no quota, no node. */
  | { readonly kind: "waiting"; readonly message: string }
  /** `since`: when it had a node and its init containers were through, as far as it says so. */
  | { readonly kind: "starting"; readonly since: string; readonly problem?: StartProblem }
  | { readonly kind: "running"; readonly startedAt: string }
  | { readonly kind: "ended"; readonly end: PodEnd };

/** Why a container does not start, in the kubelet's word. */
export interface StartProblem {
  /** Of whom the kubelet says it; it has events of the whole pod, too. */
  readonly of?: { readonly container: string; readonly image: string };
  readonly reason: string;
  readonly message: string;
}

export interface PodEnd {
  readonly exitCode?: number;
  /** Of the primary container: Completed, Error, OOMKilled, StartError, ... */
  readonly reason: string;
  readonly message: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Killed from outside: eviction, preemption, a lost or stopping node. */
  readonly disruption?: string;
  /** That was an announced, orderly stop of the node. */
  readonly nodeStop?: boolean;
  /** The pod template's own `activeDeadlineSeconds` has passed. */
  readonly overDeadline: boolean;
  readonly primaryMissing: boolean;
  /** Some other container of the pod ran out of memory. */
  readonly sidecarOom: boolean;
  /** The init container that failed: the primary one never ran. */
  readonly failedInit?: string;
  /** What is wrong with the files that a raw container left as its outputs. */
  readonly outputsProblem?: string;
  /** The pod wrote more to its node's disk than it may: evicted, by its own doing. */
  readonly overDisk?: string;
}

/** Pod reasons that are no fault of the task. */
const disruptionReasons: ReadonlySet<string> = new Set([
  "Evicted",
  "Preempted",
  "Preempting",
  "NodeShutdown",
  "Shutdown",
  "NodeLost",
  "Terminated",
  "NodeAffinity",
  "UnexpectedAdmissionError",
]);
/** What a container that is on its way says; anything else is a problem. */
const ordinaryWaiting: ReadonlySet<string> = new Set(["", "ContainerCreating", "PodInitializing"]);

export function observePod(pod: Pod, primary: string): PodView {
  const { metadata } = pod;
  const cache = cacheOfPod(pod);
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    uid: metadata.uid ?? "",
    createdAt: metadata.creationTimestamp ?? "",
    ...(pod.spec.nodeName ? { node: pod.spec.nodeName } : {}),
    ...(metadata.deletionTimestamp === undefined
      ? {}
      : {
          deletedAt: deletedAt(metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds),
          endsBy: metadata.deletionTimestamp,
        }),
    primary,
    state: stateOf(pod, primary),
    ...(cache === undefined ? {} : { cache }),
  };
}

function stateOf(pod: Pod, primary: string): PodState {
  const status = pod.status ?? {};
  const containers = status.containerStatuses ?? [];
  const main = containers.find((container) => container.name === primary);
  const podEnded = status.phase === "Succeeded" || status.phase === "Failed";
  // The task is over when its own container is, whatever a sidecar still does.
  const outputs = storingOutputs(pod);
  if (podEnded || (main?.state?.terminated !== undefined && outputs?.state?.running === undefined))
    return { kind: "ended", end: endOf(pod, primary) };
  const startedAt = main?.state?.running?.startedAt ?? main?.state?.terminated?.startedAt;
  if (main?.state?.running !== undefined || main?.state?.terminated !== undefined)
    return { kind: "running", startedAt: startedAt ?? pod.metadata.creationTimestamp ?? "" };
  const unscheduled = (status.conditions ?? []).find(
    (condition) => condition.type === "PodScheduled" && condition.status === "False",
  );
  if (unscheduled !== undefined) return { kind: "waiting", message: unscheduled.message ?? unscheduled.reason ?? "" };
  if (!isPlaced(pod)) return { kind: "created" };
  const problem = startProblem([...(status.initContainerStatuses ?? []), ...containers]);
  return { kind: "starting", since: startableSince(pod), ...(problem === undefined ? {} : { problem }) };
}

function isPlaced({ spec, status = {} }: Pod): boolean {
  const said = (status.conditions ?? []).some(({ type }) => type === "PodScheduled");
  return said || Boolean(spec.nodeName) || (status.containerStatuses ?? status.initContainerStatuses ?? []).length > 0;
}

function startProblem(containers: readonly ContainerStatus[]): StartProblem | undefined {
  for (const { name: container, image, state } of containers) {
    const { reason = "", message = "" } = state?.waiting ?? {};
    if (!ordinaryWaiting.has(reason)) return { of: { container, image }, reason, message };
  }
  return undefined;
}

/** Waiting for a node, and for init containers, is no part of the time that an image has to be pulled. */
function startableSince({ metadata, status = {} }: Pod): string {
  const steps = (status.conditions ?? []).filter(
    ({ type, status: is }) => is === "True" && (type === "PodScheduled" || type === "Initialized"),
  );
  const times = [metadata.creationTimestamp, ...steps.map(({ lastTransitionTime }) => lastTransitionTime)];
  return (
    times
      .filter((time) => typeof time === "string")
      .toSorted((a, b) => Date.parse(a) - Date.parse(b))
      .at(-1) ?? ""
  );
}

/** A deletion's time is when its grace time ends; this is when it was asked for. */
export function deletedAt(deletionTimestamp: string, graceSeconds = 0): string {
  return new Date(Date.parse(deletionTimestamp) - graceSeconds * 1000).toISOString();
}

function endOf(pod: Pod, primary: string): PodEnd {
  const status = pod.status ?? {};
  const containers = status.containerStatuses ?? [];
  const main = containers.find((container) => container.name === primary);
  const init = main?.state?.terminated === undefined ? failedInit(pod) : undefined;
  const terminated = main?.state?.terminated ?? init?.state?.terminated;
  const overDisk = overDiskOf(pod);
  const disruption = disruptionOf(pod);
  return {
    ...(terminated === undefined ? {} : { exitCode: terminated.exitCode }),
    reason: terminated?.reason ?? status.reason ?? "",
    message: terminated?.message || status.message || "",
    ...(terminated?.startedAt ? { startedAt: terminated.startedAt } : {}),
    ...(terminated?.finishedAt ? { finishedAt: terminated.finishedAt } : {}),
    ...(disruption === undefined ? {} : { disruption, ...(isNodeStop(pod) ? { nodeStop: true } : {}) }),
    overDeadline: status.reason === "DeadlineExceeded",
    primaryMissing: !pod.spec.containers.some((container) => container.name === primary),
    sidecarOom: containers.some((c) => c !== main && c.state?.terminated?.reason === "OOMKilled"),
    ...(init === undefined ? {} : { failedInit: init.name }),
    ...outputsProblemOf(storingOutputs(pod)),
    ...(overDisk === undefined ? {} : { overDisk }),
  };
}

/** What stores a raw container's outputs, after its end. */
function storingOutputs({ status }: Pod): ContainerStatus | undefined {
  return status?.initContainerStatuses?.find(({ name }) => name === outputsContainer);
}

/** Its own exit code for outputs that are the task's fault: see raw-container/main.ts. */
function outputsProblemOf(container: ContainerStatus | undefined): Pick<PodEnd, "outputsProblem"> {
  const { exitCode, message = "" } = container?.state?.terminated ?? {};
  return exitCode === 3 ? { outputsProblem: message.trim() || "the task's outputs are unusable" } : {};
}

/** A pod whose init container failed never had a primary one; that failure is its end. */
function failedInit(pod: Pod): ContainerStatus | undefined {
  // One that runs beside the others is ended with them, by a signal.
  const beside = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  return (pod.status?.initContainerStatuses ?? []).find(
    (c) => !beside.has(c.name) && (c.state?.terminated?.exitCode ?? 0) !== 0,
  );
}

/** The kubelet's words when it evicts a pod for a bound of its own (an emptyDir's, a container's, the pod's), not for its node's want. */
function overDiskOf({ status }: Pod): string | undefined {
  if (status?.reason !== "Evicted") return undefined;
  const own = /exceed(?:s|ed) (?:the|its) (?:limit|total limit of containers|local ephemeral storage limit)/;
  return own.test(status.message ?? "") ? (status.message ?? "").trim() : undefined;
}

/** The kubelet's reason for a graceful node shutdown (and for its own evictions, which carry a reason of their own). */
function isNodeStop({ status }: Pod): boolean {
  const byKubelet = ({ type, reason }: { type: string; reason?: string }): boolean =>
    type === "DisruptionTarget" && reason === "TerminationByKubelet";
  return status?.reason !== "Evicted" && (status?.conditions ?? []).some(byKubelet);
}

function disruptionOf(pod: Pod): string | undefined {
  const status = pod.status ?? {};
  const condition = (status.conditions ?? []).find((c) => c.type === "DisruptionTarget" && c.status === "True");
  if (condition !== undefined) return condition.message || condition.reason || "DisruptionTarget";
  if (status.reason !== undefined && disruptionReasons.has(status.reason))
    return `${status.reason}: ${status.message ?? ""}`;
  return undefined;
}
