import type { Json, JsonObject } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import type { ResourceType } from "./resource-type.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export function partialObject(object: KubeObject, version: string): JsonObject {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

export interface TableOptions {
  readonly version: string;
  readonly include: IncludeObject;
  /** Milliseconds, for ages. */
  readonly now: number;
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export function table(
  type: ResourceType,
  jsons: readonly string[],
  listMeta: JsonObject,
  options: TableOptions,
): JsonObject {
  const { version, include, now } = options;
  const columnDefinitions = type.columns.map((one): Json => {
    const { name, type: valueType, format = "", description = "", priority } = one;
    return { name, type: valueType, format, description, priority };
  });
  const rows = jsons.map((json): Json => {
    const object = parseObject(json);
    const cells = type.columns.map((one) => one.cell(object, now));
    if (include === "None") return { cells, object: null };
    return { cells, object: include === "Object" ? object : partialObject(object, version) };
  });
  return { kind: "Table", apiVersion: `meta.k8s.io/${version}`, metadata: listMeta, columnDefinitions, rows };
}
