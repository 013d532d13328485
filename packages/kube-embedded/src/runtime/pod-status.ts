import type { Container, ContainerState, ContainerStatus, PodStatus } from "@homeplane/kube";
import { mergeConditions, type WantedCondition } from "./conditions.ts";
import type { PodView } from "./pod-view.ts";
import type { Progress, RunView, StopCause } from "./progress.ts";

/** RFC 3339. A kubelet writes whole seconds; milliseconds parse as well everywhere, and most tasks here last less than a second. */
export function statusTime(ms: number): string {
  return new Date(ms).toISOString();
}

const STOPPED: Readonly<Record<StopCause, { reason?: string; message?: string; disruption?: true }>> = {
  deleted: {},
  gone: {},
  deadline: { reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" },
  shutdown: {
    reason: "NodeShutdown",
    message: "the node process was stopped; the container was ended with it",
    disruption: true,
  },
};

/** The pod's status as a kubelet would write it (pkg/kubelet/status and kubelet_pods.go) for what its processes do. */
export function podStatus(pod: PodView, run: RunView, now: number): PodStatus {
  const phase = phaseOf(run);
  const stopped = run.ended && run.stopped !== undefined ? STOPPED[run.stopped] : {};
  const wanted: WantedCondition[] = [...conditionsOf(run, phase)];
  if (stopped.disruption === true) wanted.push(disruption(stopped.message ?? "", "TerminationByKubelet"));
  return {
    phase,
    ...(stopped.reason === undefined ? {} : { reason: stopped.reason, message: stopped.message }),
    startTime: statusTime(run.startedAt),
    ...LOOPBACK,
    conditions: mergeConditions(pod.status.conditions ?? [], wanted, statusTime(now)),
    ...(run.init.size === 0 ? {} : { initContainerStatuses: statuses(pod.spec.initContainers ?? [], run.init, true) }),
    containerStatuses: statuses(pod.spec.containers, run.main, false),
  };
}

const LOOPBACK = { hostIP: "127.0.0.1", podIP: "127.0.0.1", podIPs: [{ ip: "127.0.0.1" }] };

function phaseOf(run: RunView): "Pending" | "Running" | "Succeeded" | "Failed" {
  const main = [...run.main.values()];
  if (!run.ended) return main.some((one) => one.kind !== "waiting") ? "Running" : "Pending";
  if (run.stopped === "deadline" || run.stopped === "shutdown") return "Failed";
  return main.every((one) => one.kind === "ended" && one.exitCode === 0) ? "Succeeded" : "Failed";
}

function conditionsOf(run: RunView, phase: string): WantedCondition[] {
  const initialized = [...run.init.values()].every((one) => one.kind === "ended" && one.exitCode === 0);
  const ready = [...run.main.values()].every((one) => one.kind === "running");
  const why = phase === "Succeeded" ? "PodCompleted" : phase === "Failed" ? "PodFailed" : "ContainersNotReady";
  return [
    { type: "PodScheduled", status: "True" },
    initialized
      ? { type: "Initialized", status: "True" }
      : { type: "Initialized", status: "False", reason: "ContainersNotInitialized" },
    ready ? { type: "Ready", status: "True" } : { type: "Ready", status: "False", reason: why },
    ready ? { type: "ContainersReady", status: "True" } : { type: "ContainersReady", status: "False", reason: why },
  ];
}

/** Reasons as in Kubernetes' documentation, "Pod disruption conditions": an orderly stop, or a node that went without a word. */
function disruption(message: string, reason: "TerminationByKubelet" | "DeletionByPodGC"): WantedCondition {
  return { type: "DisruptionTarget", status: "True", reason, message };
}

function statuses(
  containers: readonly Container[],
  progress: ReadonlyMap<string, Progress>,
  init: boolean,
): ContainerStatus[] {
  return containers.map((container) => {
    const one = progress.get(container.name) ?? { kind: "waiting", reason: "PodInitializing" };
    const pid = one.kind === "waiting" ? undefined : one.pid;
    return {
      name: container.name,
      image: container.image ?? "",
      imageID: "",
      // An init container is ready when it has done its work.
      ready: init ? one.kind === "ended" && one.exitCode === 0 : one.kind === "running",
      started: one.kind === "running",
      restartCount: 0,
      ...(pid === undefined ? {} : { containerID: `process://${pid}` }),
      state: stateOf(one),
    };
  });
}

function stateOf(one: Progress): ContainerState {
  if (one.kind === "waiting") {
    return { waiting: { reason: one.reason, ...(one.message === undefined ? {} : { message: one.message }) } };
  }
  if (one.kind === "running") return { running: { startedAt: statusTime(one.startedAt) } };
  return {
    terminated: {
      exitCode: one.exitCode,
      ...(one.signal === undefined ? {} : { signal: one.signal }),
      reason: one.reason,
      ...(one.message === undefined ? {} : { message: one.message }),
      startedAt: statusTime(one.startedAt),
      finishedAt: statusTime(one.finishedAt),
      ...(one.pid === undefined ? {} : { containerID: `process://${one.pid}` }),
    },
  };
}

const LOST = "the node process was restarted; the container did not survive";

/** The end of a pod whose processes went with an earlier run of homeplane: a system failure, never the task's own. */
export function lostStatus(pod: PodView, now: number): PodStatus {
  const finishedAt = statusTime(now);
  const end = (status: ContainerStatus): ContainerStatus => {
    if (status.state?.running === undefined) return { ...status, ready: false, started: false };
    const terminated = {
      exitCode: 137,
      reason: "Error",
      message: LOST,
      startedAt: status.state.running.startedAt ?? finishedAt,
      finishedAt,
      ...(status.containerID === undefined ? {} : { containerID: status.containerID }),
    };
    return { ...status, ready: false, started: false, state: { terminated } };
  };
  const notReady = { status: "False", reason: "PodFailed" } as const;
  return {
    ...pod.status,
    phase: "Failed",
    reason: "NodeShutdown",
    message: LOST,
    conditions: mergeConditions(
      pod.status.conditions ?? [],
      [{ type: "Ready", ...notReady }, { type: "ContainersReady", ...notReady }, disruption(LOST, "DeletionByPodGC")],
      finishedAt,
    ),
    ...(pod.status.initContainerStatuses === undefined
      ? {}
      : { initContainerStatuses: pod.status.initContainerStatuses.map(end) }),
    containerStatuses: (pod.status.containerStatuses ?? []).map(end),
  };
}
