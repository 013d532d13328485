import type { ObjectMeta } from "@homeplane/kube";
import type { Json, JsonObject } from "./json.ts";

/** As it may come from a client: nothing need be there. A bookmark's has no time. */
type AnyMeta = Partial<Omit<ObjectMeta, "creationTimestamp">> & { creationTimestamp?: string | null };

export type KubeObject = { apiVersion: string; kind: string; metadata: AnyMeta; [field: string]: Json | undefined };

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
