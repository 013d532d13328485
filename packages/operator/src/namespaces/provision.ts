/** One pass over one namespace: from whatever is there to what the configuration says. */
import {
  isAlreadyExists,
  isNotFound,
  type KubeClient,
  type KubeObject,
  type Namespace,
  namespaces,
  type ResourceType,
} from "@homeplane/kube";
import type { Logger } from "@homeplane/runtime-kit";
import type { NamespaceConfig } from "./config.ts";
import { desired } from "./desired.ts";
import { ownedKinds } from "./kinds.ts";
import { namespaceMetadata, ownershipOf, type Tenant } from "./names.ts";
import { putRight, type Settled } from "./put-right.ts";
import { remove } from "./rights.ts";
import { notOwned, ready, terminating, type Verdict } from "./verdict.ts";

export interface ProvisionOptions {
  readonly client: KubeClient;
  readonly config: NamespaceConfig;
  readonly log: Logger;
}

/** Throws what the API answers; the caller knows what that means. */
export async function provision(
  { client, config, log }: ProvisionOptions,
  tenant: Tenant,
  settled: Settled,
  signal: AbortSignal,
): Promise<Verdict> {
  const { namespace } = tenant;
  const found = await findOrMake(client, tenant, config, signal);
  if (isTerminating(found)) return terminating(tenant);
  const ownership = ownershipOf(found.metadata, tenant, config.adopt);
  if (ownership.kind === "foreign") return notOwned(tenant, ownership.why);
  await mark(client, found, tenant, config, signal);

  const wanted = desired(tenant, config, await config.trust?.());
  const listed = await listOwned(client, namespace, signal);
  for (const one of wanted) {
    const known = listed.find(({ type, object }) => isSame(one, type, object));
    const change = await putRight(client, one, known?.object, settled, signal);
    if (change !== "same")
      log.info({ event: `namespace.${change}`, namespace, kind: one.type.kind, name: one.object.metadata.name });
  }
  for (const { type, object } of listed) {
    if (wanted.some((one) => isSame(one, type, object))) continue;
    await remove(client, type, object, signal);
    log.info({ event: "namespace.removed", namespace, kind: type.kind, name: object.metadata.name });
  }
  return ready;
}

interface Typed {
  readonly type: ResourceType<KubeObject>;
  readonly object: KubeObject;
}

function isSame(one: Typed, type: ResourceType<KubeObject>, object: KubeObject): boolean {
  return one.type.plural === type.plural && one.object.metadata.name === object.metadata.name;
}

/** Also what is wanted no longer. */
async function listOwned(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Typed[]> {
  const lists = await Promise.all(
    ownedKinds.map(async ({ type, ...selection }) => {
      const { items } = await client.list(type, { ...selection, namespace, signal });
      return items.map((object) => ({ type, object }));
    }),
  );
  return lists.flat();
}

export function isTerminating({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === "Terminating";
}

async function findOrMake(
  client: KubeClient,
  tenant: Tenant,
  config: NamespaceConfig,
  signal: AbortSignal,
): Promise<Namespace> {
  const name = { name: tenant.namespace };
  try {
    return await client.get(namespaces, name, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: namespaceMetadata(tenant, config) };
    return await client.create(namespaces, object, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return await client.get(namespaces, name, { signal });
  }
}

async function mark(
  client: KubeClient,
  { metadata }: Namespace,
  tenant: Tenant,
  config: NamespaceConfig,
  signal: AbortSignal,
): Promise<void> {
  const { name, labels = {}, annotations = {} } = namespaceMetadata(tenant, config);
  const has = (all: Readonly<Record<string, string>> = {}, some: Readonly<Record<string, string>>): boolean =>
    Object.entries(some).every(([key, value]) => all[key] === value);
  if (has(metadata.labels, labels) && has(metadata.annotations, annotations)) return;
  // The uid: a namesake that was made meanwhile is not ours to mark.
  const { uid = "" } = metadata;
  await client.patch(namespaces, { name }, { metadata: { uid, labels, annotations } }, { signal });
}
