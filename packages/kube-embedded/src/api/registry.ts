import { type KubeObject, parseObject, type Selectable } from "../store/object.ts";
import type { Change, Store } from "../store/store.ts";
import { builtinTypes } from "./builtin-types.ts";
import { CRD_RESOURCE, typesOfCrd } from "./crd.ts";
import { type ResourceType, resourceKey } from "./resource-type.ts";
import { reviewTypes } from "./review-types.ts";
import { storedTypes } from "./stored-types.ts";

const MAX_CRDS = 1000;

/** The kinds served right now: the built-in ones and those of the stored CRDs, kept in step with every commit. */
export class Registry {
  readonly #byPath = new Map<string, ResourceType>();
  readonly #byCrd = new Map<string, readonly ResourceType[]>();

  constructor() {
    for (const type of [...builtinTypes, ...storedTypes, ...reviewTypes]) this.#byPath.set(this.#path(type), type);
  }

  #path(type: { group: string; version: string; plural: string }): string {
    return `${type.group}/${type.version}/${type.plural}`;
  }

  async load(store: Store): Promise<void> {
    const { items } = await store.list({ resource: CRD_RESOURCE, limit: MAX_CRDS });
    for (const item of items) this.#define(item.name, typesOfCrd(parseObject(item.json)));
    store.onCommit((changes) => this.#follow(changes));
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.resource !== CRD_RESOURCE) continue;
      this.#define(change.name, change.type === "DELETED" ? [] : typesOfCrd(parseObject(change.json)));
    }
  }

  #define(crd: string, types: readonly ResourceType[]): void {
    for (const old of this.#byCrd.get(crd) ?? []) this.#byPath.delete(this.#path(old));
    this.#byCrd.delete(crd);
    for (const type of types) this.#byPath.set(this.#path(type), type);
    if (types.length > 0) this.#byCrd.set(crd, types);
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** Any served version of a store resource. */
  byResource(resource: string): ResourceType | undefined {
    return this.all().find((type) => resourceKey(type) === resource);
  }

  all(): readonly ResourceType[] {
    return [...this.#byPath.values()];
  }

  /** Those that objects are stored of. */
  stored(): readonly ResourceType[] {
    return this.all().filter((type) => type.review === undefined);
  }
}

export function selectableOf(type: ResourceType, object: KubeObject): Selectable {
  const { name = "", namespace = "", labels = {} } = object.metadata;
  return {
    labels,
    fields: { "metadata.name": name, "metadata.namespace": namespace, ...type.selectableFields(object) },
  };
}

/** The fields that objects of this type can be selected by. */
export function selectableNames(type: ResourceType): ReadonlySet<string> {
  const empty: KubeObject = { apiVersion: "", kind: "", metadata: {} };
  return new Set(["metadata.name", "metadata.namespace", ...Object.keys(type.selectableFields(empty))]);
}
