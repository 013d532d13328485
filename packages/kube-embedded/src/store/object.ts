import type { Json, JsonObject } from "./json.ts";

type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ ; times are RFC 3339, whole seconds. */
type ObjectMeta = {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
};

export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta; [field: string]: Json | undefined };

export function parseObject(json: string): KubeObject {
  return JSON.parse(json) as KubeObject;
}

/** What selectors can see of an object; kept beside it so that a list or watch need not parse the object itself. */
export interface Selectable {
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

export function deepCopy<T extends Json | JsonObject | KubeObject>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
