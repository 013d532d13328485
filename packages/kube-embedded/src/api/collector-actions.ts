import { type KubeObject, parseObject } from "../store/object.ts";
import type { ObjectKey, Stored } from "../store/store.ts";
import { commitOne } from "./commit.ts";
import type { ApiContext, Call } from "./context.ts";
import { type DeleteOptions, deleteObject, FOREGROUND, isGone, ORPHAN } from "./delete.ts";
import { type ResourceType, resourceKey } from "./resource-type.ts";

/** More dependents than this of one owner are found by the next full scan. */
export const MAX_DEPENDENTS = 100_000;
const PAGE = 200;

/** A call of the collector itself; undefined when the resource is not served (any more). */
function internalCall(context: ApiContext, key: ObjectKey): Call | undefined {
  const type = context.registry.byResource(key.resource);
  if (type === undefined) return undefined;
  const path = {
    group: type.group,
    version: type.version,
    namespace: key.namespace,
    plural: type.plural,
    name: key.name,
    subresource: "",
  };
  return {
    context,
    request: { method: "DELETE", path: "", headers: {} },
    path,
    query: new URLSearchParams(),
    type,
    warnings: [],
  };
}

/** Deletes unless it is gone already. */
export async function deleteKey(context: ApiContext, key: ObjectKey, options: DeleteOptions): Promise<void> {
  const call = internalCall(context, key);
  if (call === undefined) return;
  try {
    await deleteObject(call, options);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Stores `object` in place of `stored`, or deletes it when it was only waiting for what has just been taken away. */
async function settle(context: ApiContext, stored: Stored, object: KubeObject): Promise<void> {
  const call = internalCall(context, stored);
  if (call === undefined) return;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  const ends = deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0;
  await commitOne(call, ends ? "delete" : "put", stored, stored.revision, object);
}

async function withoutFinalizer(context: ApiContext, stored: Stored, finalizer: string): Promise<void> {
  const object = parseObject(stored.json);
  const rest = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  if (rest.length > 0) object.metadata.finalizers = rest;
  else delete object.metadata.finalizers;
  await settle(context, stored, object);
}

/** Takes the references to `uids` off an object. */
async function disown(context: ApiContext, key: ObjectKey, uids: ReadonlySet<string>): Promise<void> {
  const stored = await context.store.get(key);
  if (stored === undefined) return;
  const object = parseObject(stored.json);
  const owners = (object.metadata.ownerReferences ?? []).filter((owner) => !uids.has(owner.uid));
  if (owners.length > 0) object.metadata.ownerReferences = owners;
  else delete object.metadata.ownerReferences;
  await settle(context, stored, object);
}

/** The `orphan` finalizer: dependents lose their reference, then the owner goes. */
export async function orphanDependents(context: ApiContext, stored: Stored, uid: string): Promise<void> {
  for (const key of await context.store.dependentsOf(uid, MAX_DEPENDENTS)) await disown(context, key, new Set([uid]));
  await withoutFinalizer(context, stored, ORPHAN);
}

/** The `foregroundDeletion` finalizer: dependents go first, and the owner waits for those that block it. */
export async function foreground(context: ApiContext, stored: Stored, uid: string): Promise<void> {
  const { store } = context;
  let blocked = false;
  for (const key of await store.dependentsOf(uid, MAX_DEPENDENTS)) {
    const found = await store.get(key);
    if (found === undefined) continue;
    const { uid: own = "", ownerReferences = [] } = parseObject(found.json).metadata;
    const hasOwn = (await store.dependentsOf(own, 1)).length > 0;
    await deleteKey(context, key, { uid: own, propagation: hasOwn ? "Foreground" : "Background" });
    const blocks = ownerReferences.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);
    if (blocks && (await store.get(key)) !== undefined) blocked = true;
  }
  const now = blocked ? undefined : await store.get(stored);
  if (now !== undefined) await withoutFinalizer(context, now, FOREGROUND);
}

/** Deletes an object whose owners are all gone; one that still has an owner only loses the dead references. */
export async function checkOwners(context: ApiContext, stored: Stored, object: KubeObject): Promise<void> {
  const gone = new Set<string>();
  let alive = 0;
  for (const { uid } of object.metadata.ownerReferences ?? []) {
    if (await context.store.hasUid(uid)) alive += 1;
    else gone.add(uid);
  }
  if (gone.size === 0) return;
  if (alive > 0) await disown(context, stored, gone);
  else if (object.metadata.deletionTimestamp === undefined) {
    await deleteKey(context, stored, { uid: object.metadata.uid ?? "", propagation: "Background" });
  }
}

async function deleteAll(context: ApiContext, type: ResourceType, namespace: string | undefined): Promise<boolean> {
  const resource = resourceKey(type);
  const scope = namespace === undefined ? {} : { namespace };
  let after: { namespace: string; name: string } | undefined;
  let any = false;
  for (;;) {
    const page = await context.store.list({
      resource,
      ...scope,
      ...(after === undefined ? {} : { after }),
      limit: PAGE,
    });
    for (const item of page.items) {
      any = true;
      after = { namespace: item.namespace, name: item.name };
      if (parseObject(item.json).metadata.deletionTimestamp === undefined)
        await deleteKey(context, item, { propagation: "Background" });
    }
    if (!page.more) return any;
  }
}

/** Empties a terminating namespace and, once it is empty, removes it. Pods get their grace; their end brings us back here. */
export async function finishNamespace(context: ApiContext, stored: Stored): Promise<void> {
  const types = new Map(
    context.registry
      .stored()
      .filter((type) => type.namespaced)
      .map((type) => [resourceKey(type), type]),
  );
  for (const type of types.values()) await deleteAll(context, type, stored.name);
  if (!(await context.store.namespaceIsEmpty(stored.name))) return;
  const now = await context.store.get(stored);
  if (now === undefined) return;
  const object = parseObject(now.json);
  const call = internalCall(context, now);
  if ((object.metadata.finalizers ?? []).length > 0 || call === undefined) return;
  object.spec = {};
  await commitOne(call, "delete", now, now.revision, object);
}

/** Deletes the custom resources of a terminating definition; when none is left, the definition goes. */
export async function finishDefinition(context: ApiContext, stored: Stored, finalizer: string): Promise<void> {
  const type = context.registry.byResource(stored.name);
  if (type !== undefined) await deleteAll(context, type, undefined);
  const left = await context.store.list({ resource: stored.name, limit: 1 });
  if (left.items.length > 0) {
    if (type !== undefined) return;
    throw new Error(`${stored.name} serves no version: set one to served, or its custom resources can not be deleted`);
  }
  const now = await context.store.get(stored);
  if (now !== undefined) await withoutFinalizer(context, now, finalizer);
}
