/**
 * A namespace that is deleted takes its RoleBindings with it, and with them our components' rights to end what runs in it: nothing would ever take the finalizers off
 * its actions and pods. So the bindings have a finalizer of their own, which is taken off when nothing of ours is left.
 */
import { labels, type TaskAction, taskActions } from "@homeplane/idl";
import { isNotFound, type KubeClient, type KubeObject, pods, type ResourceType, roleBindings } from "@homeplane/kube";
import { taskRole } from "./desired.ts";
import { ownedSelector, rightsFinalizer } from "./names.ts";

const taskActionType: ResourceType<TaskAction> = taskActions;

/** False while something of ours is still to be ended. */
export async function releaseRights(client: KubeClient, namespace: string, signal: AbortSignal): Promise<boolean> {
  if (await hasAny(client, taskActionType, { namespace, signal })) return false;
  if (await hasAny(client, pods, { namespace, labelSelector: `${labels.managed}=true`, signal })) return false;
  const { items } = await client.list(roleBindings, { namespace, labelSelector: ownedSelector, signal });
  // Our own is what lets us do this.
  const isOwn = (object: KubeObject): boolean => object.metadata.name === taskRole("operator");
  for (const object of items.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b))))
    await unhold(client, roleBindings as ResourceType<KubeObject>, object, signal);
  return true;
}

async function hasAny<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  where: { namespace: string; labelSelector?: string; signal: AbortSignal },
): Promise<boolean> {
  for await (const { items } of client.listPages(type, { ...where, limit: 1 })) return items.length > 0;
  return false;
}

/** Takes our finalizer off. */
export async function unhold<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: T,
  signal: AbortSignal,
): Promise<void> {
  const { finalizers = [] } = object.metadata;
  if (!finalizers.includes(rightsFinalizer)) return;
  const left = finalizers.filter((one) => one !== rightsFinalizer);
  await client
    .update(type, { ...object, metadata: { ...object.metadata, finalizers: left } }, { signal })
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}

/** Deletes it, whatever we held it by. */
export async function remove(
  client: KubeClient,
  type: ResourceType<KubeObject>,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace = "", uid = "" } = object.metadata;
  await unhold(client, type, object, signal);
  await client.delete(type, { namespace, name }, { preconditions: { uid }, signal }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
