import type { JsonObject } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import type { FieldError } from "./api-error.ts";
import type { Call } from "./context.ts";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** > 0 shows only with `-o wide`. */
  readonly priority: number;
  /** The cell; `now` in milliseconds, for ages. */
  cell(object: KubeObject, now: number): string | number | boolean | null;
}

/** What one kind does beyond what all kinds do. Functions change `object` in place; it is theirs alone. */
export interface Strategy {
  /** Defaults and server-owned fields at create; status is set here, whatever the client sent. */
  prepareCreate?(object: KubeObject, now: string): void;
  prepareUpdate?(object: KubeObject, before: KubeObject): void;
  validate?(object: KubeObject, before: KubeObject | undefined): FieldError[];
  /** Kinds that die gracefully answer the seconds that deletion has to wait; 0 = at once. */
  graceSeconds?(object: KubeObject, requested: number | undefined): number;
}

/** One resource in one served version. Immutable. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes outside metadata and status. */
  readonly hasGeneration: boolean;
  /** Whether a PUT without resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  readonly custom: boolean;
  readonly columns: readonly Column[];
  readonly strategy: Strategy;
  /** Structural schema (OpenAPI v3) of custom resources. */
  readonly schema?: JsonObject;
  /** The other subresources, for discovery. */
  readonly subresources: readonly string[];
  /** Kinds that are questions: the status that answers `body`; nothing is stored. */
  readonly review?: (call: Call, body: JsonObject) => Promise<JsonObject>;
  /** Selectable beyond metadata.name and metadata.namespace. */
  selectableFields(object: KubeObject): Record<string, string>;
}

/** The store's name of a resource; the same for all versions. */
export function resourceKey(type: { group: string; plural: string }): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}

export function apiVersionOf(type: { group: string; version: string }): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}
