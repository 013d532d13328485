import type { ObjectKey, Write } from "../store/store.ts";
import type { ApiContext } from "./context.ts";
import { newUid, timestamp } from "./ids.ts";

const NAME = "default";

export function isDefaultAccount({ resource, name }: ObjectKey): boolean {
  return resource === "serviceaccounts" && name === NAME;
}

/** Each namespace has an account `default`, which pods run as that name none. Fails its transaction when it is there. */
export function defaultAccount({ clock, random }: ApiContext, namespace: string): Write {
  const metadata = {
    name: NAME,
    namespace,
    uid: newUid(random),
    creationTimestamp: timestamp(clock.now()),
  };
  return {
    op: "put",
    key: { resource: "serviceaccounts", namespace, name: NAME },
    expected: 0,
    object: { apiVersion: "v1", kind: "ServiceAccount", metadata },
    selectable: { labels: {}, fields: { "metadata.name": NAME, "metadata.namespace": namespace } },
  };
}

/** What kube-controller-manager's service account controller does: the account comes back when it was deleted. */
export async function ensureDefaultAccount(context: ApiContext, namespace: string): Promise<void> {
  const account = defaultAccount(context, namespace);
  if ((await context.store.get(account.key)) !== undefined) return;
  const stored = await context.store.get({ resource: "namespaces", namespace: "", name: namespace });
  if (stored === undefined) return;
  await context.store.commit([{ op: "check", key: stored, expected: stored.revision }, account]);
}
