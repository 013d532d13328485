import { setImmediate } from "node:timers/promises";
import { backoffMs, messageOf } from "@homeplane/runtime-kit";
import { parseObject } from "../store/object.ts";
import type { Change, ObjectKey } from "../store/store.ts";
import {
  checkOwners,
  finishDefinition,
  finishNamespace,
  foreground,
  MAX_DEPENDENTS,
  orphanDependents,
} from "./collector-actions.ts";
import type { ApiContext } from "./context.ts";
import { CRD_FINALIZER, CRD_RESOURCE } from "./crd.ts";
import { ensureDefaultAccount, isDefaultAccount } from "./default-account.ts";
import { trimEvents } from "./event-trim.ts";
import { FOREGROUND, ORPHAN } from "./delete.ts";
import { apiVersionOf, resourceKey } from "./resource-type.ts";

/** The broom: everything is looked at again, whatever was missed. */
const FULL_SCAN_MS = 600_000;
const RETRY = { baseMs: 50, maxMs: 30_000, jitter: "full" } as const;
const PAGE = 500;
const TASKS_PER_TURN = 16;

type Task =
  | { readonly kind: "object"; readonly key: ObjectKey }
  | { readonly kind: "owner-gone"; readonly uid: string }
  | { readonly kind: "scan" };

function idOf(task: Task): string {
  if (task.kind === "object") return `${task.key.resource}/${task.key.namespace}/${task.key.name}`;
  return task.kind === "scan" ? "scan" : `uid:${task.uid}`;
}

/**
 * What kube-controller-manager's garbage collector and namespace controller do. Level-triggered: a task names what to look
 * at, never what to do, so repeating or merging tasks is harmless. Commits feed the queue; a scan at the start and every ten
 * minutes finds what was missed, so nothing of it has to survive a restart. The queue is a set: bounded by what exists.
 */
export class GarbageCollector {
  readonly #context: ApiContext;
  readonly #tasks = new Map<string, Task>();
  readonly #failures = new Map<string, number>();
  /** Namespaces and resources of definitions that wait for their contents to go. */
  readonly #emptying = new Map<string, ObjectKey>();
  #wake: (() => void) | undefined;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#context;
    const unsubscribe = store.onCommit((changes) => this.#follow(changes));
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    let cancelScan = (): void => {};
    const scan = (): void => {
      this.#add({ kind: "scan" });
      cancelScan = clock.after(FULL_SCAN_MS, scan);
    };
    scan();
    try {
      for (let done = 1; !signal.aborted; done++) {
        // Tasks end without input or output of their own: requests must get a turn between them.
        if (done % TASKS_PER_TURN === 0) await setImmediate();
        const next = this.#tasks.entries().next();
        if (next.done !== true) {
          this.#tasks.delete(next.value[0]);
          await this.#attempt(next.value[0], next.value[1], signal);
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      unsubscribe();
      cancelScan();
      signal.removeEventListener("abort", wake);
    }
  }

  #add(task: Task): void {
    this.#tasks.set(idOf(task), task);
    this.#wake?.();
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      const { resource, namespace, name } = change;
      const owned = change.json.includes('"ownerReferences"');
      if (change.type === "DELETED") {
        this.#add({ kind: "owner-gone", uid: parseObject(change.json).metadata.uid ?? "" });
        if (owned) this.#lookAtOwners(change);
        if (isDefaultAccount(change))
          this.#add({ kind: "object", key: { resource: "namespaces", namespace: "", name: namespace } });
        for (const waiting of [
          this.#emptying.get(`namespace ${namespace}`),
          this.#emptying.get(`definition ${resource}`),
        ]) {
          if (waiting !== undefined) this.#add({ kind: "object", key: waiting });
        }
      } else if (owned || change.json.includes('"deletionTimestamp"')) {
        this.#add({ kind: "object", key: { resource, namespace, name } });
      }
    }
  }

  /** An owner that is being deleted in the foreground may have waited for this dependent. */
  #lookAtOwners(change: Change): void {
    for (const owner of parseObject(change.json).metadata.ownerReferences ?? []) {
      if (owner.blockOwnerDeletion !== true) continue;
      const type = this.#context.registry
        .all()
        .find((one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion);
      if (type === undefined) continue;
      const namespace = type.namespaced ? change.namespace : "";
      this.#add({ kind: "object", key: { resource: resourceKey(type), namespace, name: owner.name } });
    }
  }

  async #attempt(id: string, task: Task, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#context;
    try {
      if (task.kind === "object") await this.#examine(task.key);
      else if (task.kind === "scan") await this.#scan();
      else
        for (const key of await this.#context.store.dependentsOf(task.uid, MAX_DEPENDENTS))
          this.#add({ kind: "object", key });
      this.#failures.delete(id);
    } catch (error) {
      if (signal.aborted) return;
      const failures = this.#failures.get(id) ?? 0;
      this.#failures.set(id, failures + 1);
      log.warn(
        { event: "kube.gc.retry", task: id, failures, error: messageOf(error) },
        "garbage collection will be tried again",
      );
      const cancel = clock.after(backoffMs(RETRY, failures, random), () => {
        signal.removeEventListener("abort", cancel);
        this.#add(task);
      });
      signal.addEventListener("abort", cancel, { once: true });
    }
  }

  async #examine(key: ObjectKey): Promise<void> {
    const stored = await this.#context.store.get(key);
    const emptying =
      key.resource === "namespaces"
        ? `namespace ${key.name}`
        : key.resource === CRD_RESOURCE
          ? `definition ${key.name}`
          : undefined;
    if (stored === undefined) {
      if (emptying !== undefined) this.#emptying.delete(emptying);
      return;
    }
    const object = parseObject(stored.json);
    const { deletionTimestamp, finalizers = [], uid = "" } = object.metadata;
    if (deletionTimestamp !== undefined) {
      if (emptying !== undefined) this.#emptying.set(emptying, key);
      if (finalizers.includes(ORPHAN)) return await orphanDependents(this.#context, stored, uid);
      if (finalizers.includes(FOREGROUND)) return await foreground(this.#context, stored, uid);
      if (key.resource === "namespaces") return await finishNamespace(this.#context, stored);
      if (finalizers.includes(CRD_FINALIZER)) return await finishDefinition(this.#context, stored, CRD_FINALIZER);
    }
    if (key.resource === "namespaces" && deletionTimestamp === undefined)
      await ensureDefaultAccount(this.#context, key.name);
    await checkOwners(this.#context, stored, object);
  }

  async #scan(): Promise<void> {
    const { store, registry } = this.#context;
    await trimEvents(this.#context);
    for (const key of await store.dangling(MAX_DEPENDENTS)) this.#add({ kind: "object", key });
    for (const resource of new Set(registry.stored().map(resourceKey))) {
      let after: { namespace: string; name: string } | undefined;
      for (;;) {
        const page = await store.list({ resource, ...(after === undefined ? {} : { after }), limit: PAGE });
        for (const item of page.items) {
          after = { namespace: item.namespace, name: item.name };
          if (resource === "namespaces" || item.json.includes('"deletionTimestamp"'))
            this.#add({ kind: "object", key: item });
        }
        if (!page.more) break;
      }
    }
  }
}
