import { HomeplaneError } from "@homeplane/runtime-kit";
import { apiVersionOf, type KubeObject, type ResourceType } from "./meta.ts";

export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1/namespaces/{namespace}/{plural}`; all namespaces when there is none. */
export function collectionPath(type: ResourceType<KubeObject>, namespace: string | undefined): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${apiVersionOf(type)}`;
  if (!type.namespaced || namespace === undefined) return `${root}/${type.plural}`;
  return `${root}/namespaces/${segment(namespace, "namespace", type)}/${type.plural}`;
}

/** The path of one object. A missing namespace is an error: the same path without it would name something else. */
export function objectPath(
  type: ResourceType<KubeObject>,
  { namespace, name }: ObjectName,
  subresource?: string,
): string {
  const path = `${ownCollectionPath(type, namespace)}/${segment(name, "name", type)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Where an object is created. */
export function ownCollectionPath(type: ResourceType<KubeObject>, namespace: string | undefined): string {
  if (type.namespaced && namespace === undefined) throw badSegment("namespace", undefined, type);
  return collectionPath(type, namespace);
}

export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

/** An empty name would turn the deletion of one object into that of all; dots would climb out of the collection. */
function segment(value: string, what: string, type: ResourceType<KubeObject>): string {
  if (value === "" || value === "." || value === "..") throw badSegment(what, value, type);
  return encodeURIComponent(value);
}

function badSegment(what: string, value: string | undefined, type: ResourceType<KubeObject>): HomeplaneError {
  return new HomeplaneError(
    "kube.bad_name",
    `${value === undefined ? "no" : JSON.stringify(value)} ${what} for a ${type.kind}`,
    `Pass the ${what} of the ${type.kind}.`,
  );
}
