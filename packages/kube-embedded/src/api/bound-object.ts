import { textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import type { ApiContext } from "./context.ts";

/** What a token is good as long as it exists (TokenRequest v1, `boundObjectRef`). */
export type BoundKind = "Pod" | "Secret" | "Node";

const RESOURCES: Readonly<Record<BoundKind, string>> = { Pod: "pods", Secret: "secrets", Node: "nodes" };

export function isBoundKind(kind: string): kind is BoundKind {
  return Object.hasOwn(RESOURCES, kind);
}

export async function findBound(
  context: ApiContext,
  kind: BoundKind,
  namespace: string,
  name: string,
): Promise<KubeObject | undefined> {
  const key = { resource: RESOURCES[kind], namespace: kind === "Node" ? "" : namespace, name };
  const stored = await context.store.get(key);
  return stored === undefined ? undefined : parseObject(stored.json);
}

/** `system:serviceaccount:<namespace>:<name>` and its groups. */
export function accountUser(namespace: string, name: string): { username: string; groups: string[] } {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}

export function accountOf(pod: KubeObject): string {
  return textAt(pod, "spec", "serviceAccountName") ?? "default";
}
