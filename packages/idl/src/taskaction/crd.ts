import { taskActions } from "./types.ts";

const text = (maxLength?: number): object => ({ type: "string", ...(maxLength === undefined ? {} : { maxLength }) });
const name = { type: "string", minLength: 1, maxLength: 30 };
const scope = { type: "string", minLength: 1, maxLength: 63 };
const bytes = { type: "string", format: "byte" };
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const listOfOpen = { type: "array", items: open };

const spec = {
  type: "object",
  required: ["runName", "actionName", "project", "domain"],
  properties: {
    runName: name,
    actionName: name,
    project: scope,
    domain: scope,
    parentActionName: text(30),
    actionType: { type: "string", enum: ["task", "condition"] },
    conditionSpec: bytes,
    inputUri: text(),
    runOutputBase: text(),
    cacheKey: text(256),
    taskType: text(63),
    shortName: text(63),
    taskTemplate: bytes,
    envVars: { type: "object", additionalProperties: { type: "string" } },
    interruptible: { type: "boolean" },
    group: text(256),
    org: text(63),
    fencingToken: { type: "integer", format: "int64" },
    runSpec: bytes,
    taskId: bytes,
    recovered: bytes,
  },
};

const status = {
  type: "object",
  // Other writers' fields (pluginState, ...) are kept as they are.
  "x-kubernetes-preserve-unknown-fields": true,
  properties: {
    conditions: listOfOpen,
    attempts: { type: "integer" },
    systemFailures: { type: "integer" },
    nodeStops: { type: "integer" },
    cacheStatus: text(),
    phaseHistory: listOfOpen,
    errorState: open,
    stateJson: text(),
    signalValue: bytes,
    signalledBy: text(),
    signalledAt: text(),
    attemptHistory: listOfOpen,
    queuedAt: text(),
    notBefore: text(),
    exceeded: open,
    relaunches: listOfOpen,
  },
};

const column = (title: string, type: string, jsonPath: string) => ({ name: title, type, jsonPath });

/** The CustomResourceDefinition of TaskAction, ready to be applied. */
export const taskActionCrd = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${taskActions.plural}.${taskActions.group}` },
  spec: {
    group: taskActions.group,
    scope: "Namespaced" as const,
    names: { plural: taskActions.plural, singular: "taskaction", kind: taskActions.kind, listKind: "TaskActionList" },
    versions: [
      {
        name: taskActions.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", properties: { spec, status } } },
        additionalPrinterColumns: [
          column("Run", "string", ".spec.runName"),
          column("Action", "string", ".spec.actionName"),
          column("TaskType", "string", ".spec.taskType"),
          column("Status", "string", '.status.conditions[?(@.type=="Progressing")].reason'),
          column("Attempt", "integer", ".status.attempts"),
          column("Message", "string", '.status.conditions[?(@.type=="Progressing")].message'),
          column("Age", "date", ".metadata.creationTimestamp"),
        ],
      },
    ],
  },
};
