import { isDeepStrictEqual } from "node:util";
import { isObject, type Json, type JsonObject } from "../store/json.ts";

/**
 * The merge keys of the lists that built-in kinds served here have, by the list's own field name. Lists that are not
 * named here are replaced, which is also Kubernetes' rule for lists without a patch strategy.
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: "name",
  initContainers: "name",
  ephemeralContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
  taints: "key",
  addresses: "type",
  imagePullSecrets: "name",
  secrets: "name",
  hostAliases: "ip",
  topologySpreadConstraints: "topologyKey",
  conditions: "type",
  ownerReferences: "uid",
  podIPs: "ip",
};
/** Lists of plain values that are merged as sets. */
const SETS = new Set(["finalizers"]);

function mergeKey(field: string, items: readonly Json[]): string | undefined {
  // The one list whose key depends on where it stands: in a container, or in a Service.
  if (field === "ports") return items.some((one) => isObject(one) && "containerPort" in one) ? "containerPort" : "port";
  return Object.hasOwn(MERGE_KEYS, field) ? MERGE_KEYS[field] : undefined;
}

function mergeKeyed(target: readonly Json[], patch: readonly Json[], key: string): Json[] {
  if (patch.some((item) => isObject(item) && item.$patch === "replace")) {
    return patch.filter((item) => !(isObject(item) && item.$patch === "replace"));
  }
  const merged = [...target];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const where = merged.findIndex((one) => isObject(one) && isDeepStrictEqual(one[key], item[key]));
    if (item.$patch === "delete") {
      if (where >= 0) merged.splice(where, 1);
    } else if (where >= 0) merged[where] = strategicPatch(merged[where], item);
    else merged.push(strategicPatch(undefined, item));
  }
  return merged;
}

/** Puts the items in the order that the client asked for; others keep their place after them. */
function ordered(list: Json[], order: readonly Json[], key: string | undefined): Json[] {
  const rank = (item: Json): number => {
    const id = key === undefined ? item : isObject(item) ? item[key] : undefined;
    const at = order.findIndex((one) => isDeepStrictEqual(key !== undefined && isObject(one) ? one[key] : one, id));
    return at < 0 ? order.length : at;
  };
  return list.toSorted((a, b) => rank(a) - rank(b));
}

function mergeLists(field: string, target: Json | undefined, patch: readonly Json[]): Json[] {
  const before = Array.isArray(target) ? target : [];
  const key = mergeKey(field, patch);
  if (key !== undefined) return mergeKeyed(before, patch, key);
  if (SETS.has(field)) return [...before, ...patch.filter((one) => !before.includes(one))];
  return [...patch];
}

/** Strategic merge patch with its directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/*`, `$setElementOrder/*`. */
export function strategicPatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if (patch.$patch === "replace") {
    const { $patch: _directive, ...rest } = patch;
    return rest;
  }
  if (patch.$patch === "delete") return {};
  let merged: JsonObject = isObject(target) ? { ...target } : {};
  const retained = patch.$retainKeys;
  if (Array.isArray(retained))
    merged = Object.fromEntries(Object.entries(merged).filter(([key]) => retained.includes(key)));
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$deleteFromPrimitiveList/") && Array.isArray(value)) {
      const field = key.slice(key.indexOf("/") + 1);
      const list = merged[field];
      if (Array.isArray(list)) merged[field] = list.filter((one) => !value.includes(one));
    }
    if (key.startsWith("$") || value === undefined) continue;
    if (value === null) delete merged[key];
    else if (Array.isArray(value)) merged[key] = mergeLists(key, merged[key], value);
    else merged[key] = isObject(value) ? strategicPatch(merged[key], value) : value;
  }
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith("$setElementOrder/") || !Array.isArray(value)) continue;
    const field = key.slice(key.indexOf("/") + 1);
    const list = merged[field];
    if (Array.isArray(list)) merged[field] = ordered(list, value, mergeKey(field, value));
  }
  return merged;
}
