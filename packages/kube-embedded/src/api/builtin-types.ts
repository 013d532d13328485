import { isObject, type Json, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import {
  configMapColumns,
  crdColumns,
  eventColumns,
  leaseColumns,
  namespaceColumns,
  secretColumns,
  serviceAccountColumns,
} from "./columns.ts";
import { builtin } from "./builtin.ts";
import { crdStrategy } from "./crd.ts";
import { invalidValue, required, wrongType } from "./field-errors.ts";
import { podColumns } from "./pod-columns.ts";
import { podStrategy } from "./pod-strategy.ts";
import type { ResourceType, Strategy } from "./resource-type.ts";

const namespaceStrategy: Strategy = {
  prepareCreate(namespace) {
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      "kubernetes.io/metadata.name": namespace.metadata.name ?? "",
    };
    namespace.spec = { finalizers: ["kubernetes"] };
    namespace.status = { phase: "Active" };
  },
  prepareUpdate(namespace, before) {
    if (before.spec !== undefined) namespace.spec = before.spec;
  },
};

const DATA_KEY = /^[-._a-zA-Z0-9]{1,253}$/;

function dataErrors(
  object: KubeObject,
  field: string,
  valid: (text: string) => boolean,
  wanted: string,
): ReturnType<NonNullable<Strategy["validate"]>> {
  const data: Json | undefined = object[field];
  if (data === undefined || data === null) return [];
  if (!isObject(data)) return [wrongType(field, data, "object")];
  return Object.entries(data).flatMap(([key, value]) => {
    if (!DATA_KEY.test(key))
      return [
        invalidValue(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
      ];
    return typeof value === "string" && valid(value) ? [] : [wrongType(`${field}[${key}]`, value, wanted)];
  });
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** `stringData` is write-only: it is encoded into `data`. */
function encodeStringData(secret: KubeObject): void {
  if (secret.type === undefined || secret.type === "") secret.type = "Opaque";
  if (!isObject(secret.stringData)) return;
  const data = isObject(secret.data) ? secret.data : {};
  for (const [key, value] of Object.entries(secret.stringData)) {
    if (typeof value === "string") data[key] = Buffer.from(value).toString("base64");
  }
  secret.data = data;
  delete secret.stringData;
}

const immutable = (object: KubeObject, before: KubeObject | undefined, field: string) =>
  before?.immutable === true && JSON.stringify(before[field]) !== JSON.stringify(object[field])
    ? [invalidValue(field, null, "field is immutable when `immutable` is set")]
    : [];

const secretStrategy: Strategy = {
  prepareCreate: encodeStringData,
  prepareUpdate: encodeStringData,
  validate: (secret, before) => [
    ...dataErrors(secret, "data", isBase64, "base64 text"),
    ...immutable(secret, before, "data"),
  ],
};
const configMapStrategy: Strategy = {
  validate: (map, before) => [
    ...dataErrors(map, "data", () => true, "string"),
    ...dataErrors(map, "binaryData", isBase64, "base64 text"),
    ...immutable(map, before, "data"),
  ],
};
const eventStrategy: Strategy = {
  validate: (event) => (isObject(event.involvedObject) ? [] : [required("involvedObject")]),
};

const statusPhase = (object: KubeObject): Record<string, string> => ({
  "status.phase": textAt(object, "status", "phase") ?? "",
});

const EVENT_FIELDS = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

export const builtinTypes: readonly ResourceType[] = [
  builtin("Namespace", {
    namespaced: false,
    hasStatus: true,
    shortNames: ["ns"],
    columns: namespaceColumns,
    strategy: namespaceStrategy,
    subresources: ["finalize"],
    selectableFields: statusPhase,
  }),
  builtin("Pod", {
    hasStatus: true,
    hasGeneration: true,
    shortNames: ["po"],
    categories: ["all"],
    columns: podColumns,
    strategy: podStrategy,
    subresources: ["binding", "log"],
    selectableFields: (pod) => ({
      ...statusPhase(pod),
      "spec.nodeName": textAt(pod, "spec", "nodeName") ?? "",
      "spec.restartPolicy": textAt(pod, "spec", "restartPolicy") ?? "",
      "spec.serviceAccountName": textAt(pod, "spec", "serviceAccountName") ?? "",
    }),
  }),
  builtin("Event", {
    shortNames: ["ev"],
    columns: eventColumns,
    strategy: eventStrategy,
    selectableFields: (event) => ({
      ...Object.fromEntries(
        EVENT_FIELDS.map((field) => [`involvedObject.${field}`, textAt(event, "involvedObject", field) ?? ""]),
      ),
      reason: textAt(event, "reason") ?? "",
      type: textAt(event, "type") ?? "",
      source: textAt(event, "source", "component") ?? "",
    }),
  }),
  builtin("Secret", {
    columns: secretColumns,
    strategy: secretStrategy,
    selectableFields: (secret) => ({ type: textAt(secret, "type") ?? "" }),
  }),
  builtin("ConfigMap", { shortNames: ["cm"], columns: configMapColumns, strategy: configMapStrategy }),
  builtin("ServiceAccount", { shortNames: ["sa"], columns: serviceAccountColumns, subresources: ["token"] }),
  builtin("Lease", { group: "coordination.k8s.io", columns: leaseColumns, unconditionalUpdate: false }),
  builtin("CustomResourceDefinition", {
    group: "apiextensions.k8s.io",
    namespaced: false,
    hasStatus: true,
    hasGeneration: true,
    unconditionalUpdate: false,
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    columns: crdColumns,
    strategy: crdStrategy,
  }),
];
