/** What of a task's pod matters for its log. */
import { labels, type RunScope } from "@homeplane/idl";
import type { ContainerState, ContainerStatus, Pod } from "@homeplane/kube";

export interface TaskContainer {
  readonly name: string;
  readonly init: boolean;
  readonly state: "waiting" | "running" | "ended";
  /** It has started at some time, so there is a log, even if an empty one. */
  readonly ran: boolean;
  /** Why it waits, or ended. */
  readonly reason?: string;
}

/** Where its log is archived. Names as in the labels: {@link labelValue} of the real ones. */
export interface ActionAttempt {
  readonly scope: RunScope;
  readonly action: string;
  readonly attempt: number;
}

export interface TaskPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly finalizers: readonly string[];
  readonly terminal: boolean;
  /** When its deletion is due, in ms since the epoch, and whether the node has confirmed that nothing runs any more. */
  readonly deletion?: { readonly at: number; readonly confirmed: boolean };
  readonly scheduled: boolean;
  readonly containers: readonly TaskContainer[];
  /** Undefined when labels are missing or malformed. */
  readonly owner: ActionAttempt | undefined;
  /** Why the pod ended, in Kubernetes' words. */
  readonly reason?: string;
}

export function taskPod(org: string, pod: Pod): TaskPod {
  const { metadata, spec, status } = pod;
  const init = (spec.initContainers ?? []).map((one) => container(one.name, true, status?.initContainerStatuses));
  const main = spec.containers.map((one) => container(one.name, false, status?.containerStatuses));
  const reason = status?.message ?? status?.reason;
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    finalizers: metadata.finalizers ?? [],
    terminal: status?.phase === "Succeeded" || status?.phase === "Failed",
    ...(metadata.deletionTimestamp === undefined
      ? {}
      : {
          deletion: {
            at: Date.parse(metadata.deletionTimestamp),
            confirmed: metadata.deletionGracePeriodSeconds === 0,
          },
        }),
    scheduled: spec.nodeName !== undefined && spec.nodeName !== "",
    containers: [...init, ...main],
    owner: ownerOf(org, metadata.labels ?? {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

function ownerOf(org: string, given: Readonly<Record<string, string>>): ActionAttempt | undefined {
  const { [labels.project]: project, [labels.domain]: domain, [labels.run]: run, [labels.action]: action } = given;
  const attempt = given[labels.attempt] ?? "";
  if (!project || !domain || !run || !action || !/^[1-9]\d{0,8}$/.test(attempt)) return undefined;
  return { scope: { org, project, domain, run }, action, attempt: Number(attempt) };
}

function container(name: string, init: boolean, statuses: readonly ContainerStatus[] = []): TaskContainer {
  const status = statuses.find((one) => one.name === name);
  const now = status?.state;
  const state = now?.terminated ? "ended" : now?.running ? "running" : "waiting";
  const told = now?.terminated ?? now?.waiting;
  const reason = [told?.reason, told?.message].filter((text) => text !== undefined && text !== "").join(": ");
  return {
    name,
    init,
    state,
    ran: status !== undefined && (started(now) || started(status.lastState)),
    ...(reason === "" ? {} : { reason }),
  };
}

function started(state: ContainerState | undefined): boolean {
  if (state?.running) return true;
  // A container that could not be started ends without an id (the cause is then in its reason).
  return Boolean(state?.terminated && (state.terminated.startedAt || state.terminated.containerID));
}

/** Nothing of it runs, or ever will. `holdMs` past its due time a deleted pod counts as ended: its node is gone. */
export function hasEnded(pod: TaskPod, now: number, holdMs: number): boolean {
  if (pod.terminal) return true;
  if (pod.deletion === undefined) return false;
  if (now >= pod.deletion.at + holdMs) return true;
  if (pod.containers.some(({ state }) => state === "running")) return false;
  return !pod.scheduled || pod.deletion.confirmed || pod.containers.every(({ state }) => state === "ended");
}

/** The number of the pod within its attempt, from its name `...-<attempt>-<incarnation>`. */
export function incarnationOf(name: string): number {
  return Number(/-(\d{1,9})$/.exec(name)?.[1] ?? 0);
}
