import type { Json, JsonObject } from "../store/json.ts";
import type { Registry } from "./registry.ts";
import { apiVersionOf, type ResourceType } from "./resource-type.ts";

const root = (type: { group: string; version: string }): string =>
  `${type.group === "" ? "api" : "apis"}/${apiVersionOf(type)}`;

/** `/openapi/v3`: where each group version's document is. */
export function openApiV3Index(registry: Registry): JsonObject {
  const paths = registry
    .all()
    .map((type): [string, Json] => [root(type), { serverRelativeURL: `/openapi/v3/${root(type)}` }]);
  return { paths: Object.fromEntries(paths) };
}

function pathItem(type: ResourceType): Json {
  const gvk = { group: type.group, version: type.version, kind: type.kind };
  const parameters = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
    name,
    in: "query",
    schema: { type: "string" },
  }));
  const operation = { parameters, responses: { "200": { description: "OK" } }, "x-kubernetes-group-version-kind": gvk };
  return {
    get: { ...operation, "x-kubernetes-action": "get" },
    put: { ...operation, "x-kubernetes-action": "put" },
    patch: { ...operation, "x-kubernetes-action": "patch" },
    delete: { ...operation, "x-kubernetes-action": "delete" },
  };
}

/**
 * One group version's document: enough for kubectl to learn that the server validates fields itself (`fieldValidation`), and,
 * for custom resources, their schemas for `kubectl explain`. Undefined for an unknown path.
 */
export function openApiV3Document(registry: Registry, path: string): JsonObject | undefined {
  const types = registry.all().filter((type) => root(type) === path);
  if (types.length === 0) return undefined;
  const paths = types.map((type): [string, Json] => {
    const scope = type.namespaced ? "namespaces/{namespace}/" : "";
    return [`/${path}/${scope}${type.plural}/{name}`, pathItem(type)];
  });
  const schemas = types.map((type): [string, Json] => {
    const gvk = [{ group: type.group, version: type.version, kind: type.kind }];
    const name = [...(type.group === "" ? "core" : type.group).split(".").toReversed(), type.version, type.kind].join(
      ".",
    );
    return [name, { type: "object", ...type.schema, "x-kubernetes-group-version-kind": gvk }];
  });
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.33.0" },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

/** Clients ask with `@` in place of the second-last dot, which is no valid media type and must not be answered. */
export const OPENAPI_V2_PROTO = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** An empty Swagger 2.0 document in the protobuf encoding, the only one that kubectl asks for: fields 1 `swagger`, 2 `info`, 8 `paths`. */
export function openApiV2Proto(): Uint8Array {
  const text = (field: number, value: string): number[] => [
    field * 8 + 2,
    value.length,
    ...new TextEncoder().encode(value),
  ];
  const info = [...text(1, "Kubernetes"), ...text(2, "v1.33.0")];
  return new Uint8Array([...text(1, "2.0"), 2 * 8 + 2, info.length, ...info, 8 * 8 + 2, 0]);
}

export function openApiV2(): JsonObject {
  return { swagger: "2.0", info: { title: "Kubernetes", version: "v1.33.0" }, paths: {}, definitions: {} };
}
