/** Columns of kinds that are kept for others: printers as in pkg/printers/internalversion. */
import { at, isObject, type Json, listAt, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import type { Column } from "./resource-type.ts";

const text = (name: string, ...path: string[]): Column =>
  column(name, "string", (object) => textAt(object, ...path) ?? "<none>");
const number = (name: string, ...path: string[]): Column =>
  column(name, "string", (object) => Number(at(object, ...path) ?? 0));

export const createdColumns = [
  nameColumn,
  column("Created At", "date", (object) => object.metadata.creationTimestamp ?? ""),
];

export const bindingColumns = [
  nameColumn,
  column("Role", "string", (one) => `${textAt(one, "roleRef", "kind") ?? ""}/${textAt(one, "roleRef", "name") ?? ""}`),
  ageColumn,
];

export const priorityClassColumns = [
  nameColumn,
  column("Value", "integer", (one) => Number(at(one, "value") ?? 0)),
  column("Global-Default", "boolean", (one) => at(one, "globalDefault") === true),
  ageColumn,
];

export const deploymentColumns = [
  nameColumn,
  column(
    "Ready",
    "string",
    (one) => `${Number(at(one, "status", "readyReplicas") ?? 0)}/${Number(at(one, "spec", "replicas") ?? 1)}`,
  ),
  number("Up-to-date", "status", "updatedReplicas"),
  number("Available", "status", "availableReplicas"),
  ageColumn,
];

export const serviceColumns = [
  nameColumn,
  column("Type", "string", (one) => textAt(one, "spec", "type") ?? "ClusterIP"),
  text("Cluster-IP", "spec", "clusterIP"),
  column("External-IP", "string", () => "<none>"),
  column("Port(s)", "string", (one) =>
    listAt(one, "spec", "ports")
      .map((port) => `${Number(at(port, "port") ?? 0)}/${textAt(port, "protocol") ?? "TCP"}`)
      .join(","),
  ),
  ageColumn,
];

const selector = (value: Json | undefined): string =>
  isObject(value) && Object.keys(value).length > 0
    ? Object.entries(value)
        .map(([key, one]) => `${key}=${typeof one === "string" ? one : ""}`)
        .join(",")
    : "<none>";

export const networkPolicyColumns = [
  nameColumn,
  column("Pod-Selector", "string", (one) => selector(at(one, "spec", "podSelector", "matchLabels"))),
  ageColumn,
];

const orNone = (value: Json | undefined): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "N/A";

export const disruptionBudgetColumns = [
  nameColumn,
  column("Min Available", "string", (one) => orNone(at(one, "spec", "minAvailable"))),
  column("Max Unavailable", "string", (one) => orNone(at(one, "spec", "maxUnavailable"))),
  number("Allowed Disruptions", "status", "disruptionsAllowed"),
  ageColumn,
];

/** `cpu: 1/2, pods: 3/10`; keys of limits stand in a column of their own. */
function quotaCell(quota: KubeObject, limits: boolean): string {
  const hard = at(quota, "status", "hard");
  if (!isObject(hard)) return "";
  return Object.keys(hard)
    .filter((key) => key.startsWith("limits.") === limits)
    .toSorted()
    .map((key) => `${key}: ${textAt(quota, "status", "used", key) ?? "0"}/${textAt(hard, key) ?? "0"}`)
    .join(", ");
}

export const quotaColumns = [
  nameColumn,
  column("Request", "string", (quota) => quotaCell(quota, false)),
  column("Limit", "string", (quota) => quotaCell(quota, true)),
  ageColumn,
];

function nodeStatus(node: KubeObject): string {
  const ready = listAt(node, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  const words = ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady";
  return at(node, "spec", "unschedulable") === true ? `${words},SchedulingDisabled` : words;
}

export const nodeColumns = [
  nameColumn,
  column("Status", "string", nodeStatus),
  column("Roles", "string", () => "<none>"),
  ageColumn,
  text("Version", "status", "nodeInfo", "kubeletVersion"),
  { ...text("OS-Image", "status", "nodeInfo", "osImage"), priority: 1 },
  { ...text("Kernel-Version", "status", "nodeInfo", "kernelVersion"), priority: 1 },
  { ...text("Container-Runtime", "status", "nodeInfo", "containerRuntimeVersion"), priority: 1 },
];
