/** What pods refer to: Secrets, ConfigMaps, tokens, their own fields. */
import type { PodView } from "./pod-view.ts";

/** Keys and their bytes. */
export type ObjectData = ReadonlyMap<string, Buffer>;
export type DataKind = "secret" | "configMap";

export interface References {
  /** Undefined when there is no such object. */
  read(kind: DataKind, namespace: string, name: string): Promise<ObjectData | undefined>;
  /** A token of the pod's service account, good as long as the pod is there. */
  token(pod: PodView, audience: string | undefined, expirationSeconds: number | undefined): Promise<string>;
}

/** What a container needs and can not be given now; a kubelet says `CreateContainerConfigError` and tries again. */
export class Unresolved extends Error {
  override readonly name = "Unresolved";
}

interface Named {
  readonly name: string;
  readonly optional?: boolean;
}

/** All of an object; nothing when it is optional and not there. Throws {@link Unresolved}. */
export async function readAll(
  references: References,
  kind: DataKind,
  namespace: string,
  { name, optional }: Named,
  where: string,
): Promise<ObjectData> {
  const found = await references.read(kind, namespace, name);
  if (found !== undefined) return found;
  if (optional === true) return new Map();
  throw new Unresolved(`${where}: ${kind} "${name}" not found`);
}

/** One key; undefined when it is optional and not there. Throws {@link Unresolved}. */
export async function readKey(
  references: References,
  kind: DataKind,
  namespace: string,
  { name, key, optional }: Named & { readonly key: string },
  where: string,
): Promise<Buffer | undefined> {
  const value = (await references.read(kind, namespace, name))?.get(key);
  if (value === undefined && optional !== true)
    throw new Unresolved(`${where}: key "${key}" of ${kind} "${name}" not found`);
  return value;
}

const SUBSCRIPT = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** The downward API's fields (API reference, ObjectFieldSelector); whole maps only where `files` are made of them. */
export function fieldOf(pod: PodView, path: string, nodeName: string, files = false): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === "labels" ? pod.labels : pod.annotations;
    return map[subscript[2] ?? ""] ?? "";
  }
  if (files && path === "metadata.labels") return lines(pod.labels);
  if (files && path === "metadata.annotations") return lines(pod.annotations);
  switch (path) {
    case "metadata.name":
      return pod.name;
    case "metadata.namespace":
      return pod.namespace;
    case "metadata.uid":
      return pod.uid;
    case "spec.nodeName":
      return nodeName;
    case "spec.serviceAccountName":
      return serviceAccountOf(pod);
    case "status.podIP":
    case "status.hostIP":
    case "status.podIPs":
    case "status.hostIPs":
      return "127.0.0.1";
    default:
      throw new Unresolved(`fieldRef ${path} is not a field that can be read`);
  }
}

export function serviceAccountOf({ spec }: PodView): string {
  return spec.serviceAccountName ?? "default";
}

function lines(map: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join("\n");
}
