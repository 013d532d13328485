import type { Json, JsonObject } from "../store/json.ts";
import type { Registry } from "./registry.ts";
import { apiVersionOf, type ResourceType } from "./resource-type.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** The Kubernetes whose behaviour is followed; clients choose features by it. */
export const SERVER_VERSION: JsonObject = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0+homeplane",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: `${process.platform}/${process.arch}`,
};

export function apiVersions(): JsonObject {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

/** Versions by Kubernetes' own order: stable before beta before alpha, higher before lower. */
function versionRank(version: string): number {
  const parts = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (parts === null) return -1;
  const stage = parts[2] === undefined ? 2 : parts[2] === "beta" ? 1 : 0;
  return stage * 1e6 + Number(parts[1]) * 1e3 + Number(parts[3] ?? 0);
}

function group(name: string, types: readonly ResourceType[]): JsonObject {
  const names = [...new Set(types.map((type) => type.version))].toSorted((a, b) => versionRank(b) - versionRank(a));
  const versions = names.map((version): Json => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function groups(registry: Registry): Map<string, ResourceType[]> {
  const found = new Map<string, ResourceType[]>();
  for (const type of registry.all())
    if (type.group !== "") found.set(type.group, [...(found.get(type.group) ?? []), type]);
  return found;
}

export function apiGroups(registry: Registry): JsonObject {
  const list = [...groups(registry)].map(([name, types]) => group(name, types));
  return { kind: "APIGroupList", apiVersion: "v1", groups: list };
}

export function apiGroup(registry: Registry, name: string): JsonObject | undefined {
  const types = groups(registry).get(name);
  return types === undefined ? undefined : { kind: "APIGroup", apiVersion: "v1", ...group(name, types) };
}

const SUBRESOURCE_VERBS: Readonly<Record<string, readonly string[]>> = {
  log: ["get"],
  binding: ["create"],
  token: ["create"],
};
/** Subresources that speak of another kind than their own. */
const SUBRESOURCE_KINDS: Readonly<Record<string, { group?: string; version: string; kind: string }>> = {
  binding: { version: "v1", kind: "Binding" },
  token: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
};

function subresources(type: ResourceType): Json[] {
  const entry = (name: string, verbs: Json[]): Json => ({
    name: `${type.plural}/${name}`,
    singularName: "",
    namespaced: type.namespaced,
    kind: type.kind,
    ...SUBRESOURCE_KINDS[name],
    verbs,
  });
  const status = type.hasStatus ? [entry("status", ["get", "patch", "update"])] : [];
  return [...status, ...type.subresources.map((name) => entry(name, [...(SUBRESOURCE_VERBS[name] ?? ["update"])]))];
}

/** `/api/v1` and `/apis/<group>/<version>`. */
export function apiResources(registry: Registry, groupName: string, version: string): JsonObject | undefined {
  const types = registry.all().filter((type) => type.group === groupName && type.version === version);
  if (types.length === 0) return undefined;
  const resources = types.flatMap((type): Json[] => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.review === undefined ? VERBS : ["create"],
      shortNames: [...type.shortNames],
      ...(type.categories.length === 0 ? {} : { categories: [...type.categories] }),
    },
    ...subresources(type),
  ]);
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group: groupName, version }),
    resources,
  };
}
