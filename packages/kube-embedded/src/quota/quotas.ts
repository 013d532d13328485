import { isDeepStrictEqual } from "node:util";
import { formatQuantity, type Pod, ZERO } from "@homeplane/kube";
import { messageOf } from "@homeplane/runtime-kit";
import { forbidden } from "../api/api-error.ts";
import type { ApiContext, Call } from "../api/context.ts";
import { selectableOf } from "../api/registry.ts";
import { resourceKey } from "../api/resource-type.ts";
import type { JsonObject } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import type { Change, ObjectKey } from "../store/store.ts";
import { refusal } from "./check.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { NamespaceUsage } from "./namespace-usage.ts";
import { hardOf } from "./scopes.ts";

const RESOURCE = "resourcequotas";
const PAGE = 500;
/** Changes within this time share one write of a quota's status. */
const STATUS_DELAY_MS = 100;
const STATUS_RETRY_MS = 5_000;

type QuotaContext = Pick<ApiContext, "store" | "registry" | "clock" | "log">;

/**
 * ResourceQuota. What is used is what exists: counted from the store's own changes, so nothing leaks and a restart needs no
 * repair. A create is checked and written under a lock of its namespace: no two of them can both take the last place.
 * `status.used` follows shortly after, for people; nothing is decided by it.
 */
export class Quotas {
  readonly #context: QuotaContext;
  readonly #quotas = new Map<string, Map<string, KubeObject>>();
  readonly #usage = new Map<string, NamespaceUsage>();
  readonly #locks = new KeyedLock();
  readonly #stale = new Set<string>();
  #cancelStatus: (() => void) | undefined;
  #running = false;

  constructor(context: QuotaContext) {
    this.#context = context;
  }

  async load(): Promise<void> {
    const { store } = this.#context;
    store.onCommit((changes) => {
      for (const change of changes) this.#follow(change);
    });
    let after: { namespace: string; name: string } | undefined;
    for (let more = true; more; ) {
      const page = await store.list({ resource: RESOURCE, limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const item of page.items) {
        after = { namespace: item.namespace, name: item.name };
        this.#know(item, parseObject(item.json));
      }
      ({ more } = page);
    }
  }

  #follow(change: Change): void {
    const { namespace, resource } = change;
    if (resource === RESOURCE) this.#know(change, change.type === "DELETED" ? undefined : parseObject(change.json));
    if (!this.#quotas.has(namespace)) return void this.#usage.delete(namespace);
    this.#usage.get(namespace)?.follow(change);
    this.#markStale(namespace);
  }

  #know({ namespace, name }: ObjectKey, quota: KubeObject | undefined): void {
    const own = this.#quotas.get(namespace) ?? new Map<string, KubeObject>();
    if (quota === undefined) own.delete(name);
    else own.set(name, quota);
    if (own.size === 0) this.#quotas.delete(namespace);
    else this.#quotas.set(namespace, own);
  }

  async #usageOf(namespace: string): Promise<NamespaceUsage> {
    let usage = this.#usage.get(namespace);
    if (usage === undefined) {
      const namespaced = this.#context.registry.stored().filter((type) => type.namespaced);
      usage = new NamespaceUsage(namespace, this.#context.store, [...new Set(namespaced.map(resourceKey))]);
      this.#usage.set(namespace, usage);
      // A reading that failed is made anew by whoever asks next.
      usage.ready.catch(() => this.#usage.delete(namespace));
    }
    await usage.ready;
    return usage;
  }

  /** Commits a new object when the namespace's quotas leave room for it; else 403. */
  async admit<T>(call: Call, object: KubeObject, commit: () => Promise<T>): Promise<T> {
    const { namespace } = call.path;
    if (!this.#quotas.has(namespace)) return await commit();
    return await this.#locks.run(namespace, async () => {
      const usage = await this.#usageOf(namespace);
      const resource = resourceKey(call.type);
      const newcomer = { resource, ...(resource === "pods" ? { pod: object as unknown as Pod } : {}) };
      const why = refusal(newcomer, this.#quotas.get(namespace) ?? new Map(), usage, this.#context.clock.now());
      if (why !== undefined) throw forbidden(call.type, object.metadata.name ?? "", why);
      return await commit();
    });
  }

  /** Keeps `status` of all quotas up to date until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    for (const namespace of this.#quotas.keys()) this.#markStale(namespace);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#running = false;
    this.#cancelStatus?.();
  }

  #markStale(namespace: string, delayMs = STATUS_DELAY_MS): void {
    this.#stale.add(namespace);
    if (!this.#running || this.#cancelStatus !== undefined) return;
    this.#cancelStatus = this.#context.clock.after(delayMs, () => {
      this.#cancelStatus = undefined;
      void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    const namespaces = [...this.#stale];
    this.#stale.clear();
    for (const namespace of namespaces) {
      try {
        const usage = this.#quotas.has(namespace) ? await this.#usageOf(namespace) : undefined;
        for (const name of this.#quotas.get(namespace)?.keys() ?? [])
          if (usage !== undefined && !(await this.#writeStatus(namespace, name, usage))) this.#markStale(namespace);
      } catch (error) {
        const fields = { event: "kube.quota.status_not_written", namespace, error: messageOf(error) };
        this.#context.log.warn(fields, "the status of a quota could not be written; it is tried again");
        this.#markStale(namespace, STATUS_RETRY_MS);
      }
    }
  }

  /** False when somebody else wrote the quota meanwhile. */
  async #writeStatus(namespace: string, name: string, usage: NamespaceUsage): Promise<boolean> {
    const { store, registry, clock } = this.#context;
    const key = { resource: RESOURCE, namespace, name };
    const stored = await store.get(key);
    const type = registry.byResource(RESOURCE);
    if (stored === undefined || type === undefined) return true;
    const object = parseObject(stored.json);
    const hard = hardOf(object.spec);
    const used = usage.used(object.spec, Object.keys(hard), clock.now());
    const shown = Object.keys(hard).map((one): [string, string] => [one, formatQuantity(used.get(one) ?? ZERO)]);
    const status: JsonObject = { hard: { ...hard }, used: Object.fromEntries(shown) };
    if (isDeepStrictEqual(object.status, status)) return true;
    object.status = status;
    const write = {
      op: "put",
      key,
      expected: stored.revision,
      object,
      selectable: selectableOf(type, object),
    } as const;
    return (await store.commit([write])).ok;
  }
}
