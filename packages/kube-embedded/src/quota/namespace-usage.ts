import { add, type Amount, type Pod, ZERO } from "@homeplane/kube";
import type { Amounts } from "../api/pod-amounts.ts";
import { parseObject } from "../store/object.ts";
import type { Change, Store, Stored } from "../store/store.ts";
import { podUsage } from "./pod-usage.ts";
import { isInScope, requirementsOf } from "./scopes.ts";

const PAGE = 500;
const ONE: Amount = { milli: 1000, binary: false };
/** Kinds of the core group that a quota may also name without `count/`; pods count by their own rules. */
const BARE = new Set(["services", "secrets", "configmaps", "resourcequotas"]);

/**
 * What the objects of one namespace take. Read from the store when a quota is first met, then kept in step by the store's own
 * changes: it is never added up by those who create and delete, so it can not drift from what exists.
 */
export class NamespaceUsage {
  readonly #namespace: string;
  readonly #pods = new Map<string, Pod>();
  readonly #names = new Map<string, Set<string>>();
  /** Changed while the store was being read: what the reading shows of these is older. */
  #changed: Set<string> | undefined = new Set();
  readonly ready: Promise<void>;

  constructor(namespace: string, store: Store, resources: readonly string[]) {
    this.#namespace = namespace;
    this.ready = this.#read(store, resources);
  }

  async #read(store: Store, resources: readonly string[]): Promise<void> {
    for (const resource of resources) {
      let after: { namespace: string; name: string } | undefined;
      for (let more = true; more; ) {
        const scope = { resource, namespace: this.#namespace, limit: PAGE };
        const page = await store.list({ ...scope, ...(after === undefined ? {} : { after }) });
        for (const item of page.items) {
          after = { namespace: item.namespace, name: item.name };
          if (this.#changed?.has(`${resource}/${item.name}`) !== true) this.#put(item);
        }
        ({ more } = page);
      }
    }
    this.#changed = undefined;
  }

  follow(change: Change): void {
    const { resource, name } = change;
    this.#changed?.add(`${resource}/${name}`);
    if (change.type !== "DELETED") return this.#put(change);
    this.#names.get(resource)?.delete(name);
    if (resource === "pods") this.#pods.delete(name);
  }

  #put({ resource, name, json }: Stored): void {
    const names = this.#names.get(resource) ?? new Set();
    this.#names.set(resource, names.add(name));
    if (resource !== "pods") return;
    const pod = parseObject(json) as unknown as Pod;
    // What has ended stays so, and takes nothing: it need not be looked at each time.
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") this.#pods.delete(name);
    else this.#pods.set(name, pod);
  }

  /** What counts for `keys` of a quota with this spec. With scopes, `count/pods` is of those that have not ended. */
  used(spec: Parameters<typeof requirementsOf>[0], keys: readonly string[], now: number): Amounts {
    const requirements = requirementsOf(spec);
    const used = new Map<string, Amount>();
    const scoped = requirements.length > 0;
    for (const key of keys) {
      const resource = key.startsWith("count/") ? key.slice("count/".length) : BARE.has(key) ? key : undefined;
      if (resource === undefined || (scoped && resource !== "pods")) continue;
      used.set(key, { milli: (this.#names.get(resource)?.size ?? 0) * ONE.milli, binary: false });
    }
    if (scoped && keys.includes("count/pods")) used.set("count/pods", ZERO);
    for (const pod of this.#pods.values()) {
      if (!isInScope(pod, requirements)) continue;
      const own = podUsage(pod, now);
      for (const key of keys) {
        const amount = own.get(key);
        if (amount !== undefined) used.set(key, add(used.get(key) ?? ZERO, amount));
        if (scoped && key === "count/pods") used.set(key, add(used.get(key) ?? ZERO, ONE));
      }
    }
    return used;
  }
}
