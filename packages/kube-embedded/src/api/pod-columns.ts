import { at, type Json, listAt, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { age } from "./duration.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import type { Column } from "./resource-type.ts";

function initReason(pod: KubeObject): string | undefined {
  const total = listAt(pod, "spec", "initContainers").length;
  for (const [n, container] of listAt(pod, "status", "initContainerStatuses").entries()) {
    const terminated = at(container, "state", "terminated");
    const waiting = textAt(container, "state", "waiting", "reason");
    if (at(terminated, "exitCode") === 0) continue;
    if (terminated !== undefined)
      return `Init:${textAt(terminated, "reason") ?? `ExitCode:${Number(at(terminated, "exitCode"))}`}`;
    if (waiting !== undefined && waiting !== "" && waiting !== "PodInitializing") return `Init:${waiting}`;
    return `Init:${n}/${total}`;
  }
  return undefined;
}

function containerReason(pod: KubeObject, reason: string): string {
  let shown = reason;
  let running = false;
  for (const container of listAt(pod, "status", "containerStatuses").toReversed()) {
    const waiting = textAt(container, "state", "waiting", "reason");
    const terminated = at(container, "state", "terminated");
    if (waiting) shown = waiting;
    else if (terminated !== undefined && terminated !== null) {
      const signal = at(terminated, "signal");
      shown =
        textAt(terminated, "reason") ||
        (signal ? `Signal:${Number(signal)}` : `ExitCode:${Number(at(terminated, "exitCode"))}`);
    } else if (at(container, "ready") === true && at(container, "state", "running") !== undefined) running = true;
  }
  return shown === "Completed" && running ? "Running" : shown;
}

/** The STATUS column, by the rules of kube-apiserver's `printPod`. */
function podStatus(pod: KubeObject): string {
  const reason = textAt(pod, "status", "reason") ?? textAt(pod, "status", "phase") ?? "Pending";
  const deleting = pod.metadata.deletionTimestamp !== undefined;
  if (deleting && textAt(pod, "status", "reason") === "NodeLost") return "Unknown";
  if (deleting && !["Succeeded", "Failed"].includes(textAt(pod, "status", "phase") ?? "")) return "Terminating";
  return initReason(pod) ?? containerReason(pod, reason);
}

function restarts(pod: KubeObject, now: number): string {
  const statuses = listAt(pod, "status", "containerStatuses");
  const counts = statuses.map((one) => Number(at(one, "restartCount") ?? 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const ends = statuses
    .map((one: Json) => textAt(one, "lastState", "terminated", "finishedAt"))
    .filter((one) => one !== undefined);
  const last = ends.toSorted().at(-1);
  return total > 0 && last !== undefined ? `${total} (${age(last, now)} ago)` : String(total);
}

export const podColumns: readonly Column[] = [
  nameColumn,
  column("Ready", "string", (pod) => {
    const ready = listAt(pod, "status", "containerStatuses").filter((one) => at(one, "ready") === true).length;
    return `${ready}/${listAt(pod, "spec", "containers").length}`;
  }),
  column("Status", "string", podStatus),
  column("Restarts", "string", restarts),
  ageColumn,
  column("IP", "string", (pod) => textAt(pod, "status", "podIP") || "<none>", 1),
  column("Node", "string", (pod) => textAt(pod, "spec", "nodeName") || "<none>", 1),
  column("Nominated Node", "string", (pod) => textAt(pod, "status", "nominatedNodeName") || "<none>", 1),
  column("Readiness Gates", "string", () => "<none>", 1),
];
