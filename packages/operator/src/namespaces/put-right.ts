/** Makes one object what it should be, with as few writes as that takes. */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { isAlreadyExists, type KubeClient, type KubeObject } from "@homeplane/kube";
import type { Wanted } from "./desired.ts";
import { remove } from "./rights.ts";

/**
 * What the server made of objects that we wrote (it fills in defaults, and writes amounts its own way), by what was written: else each look would take that for
 * drift, and write again.
 */
export type Settled = Map<string, string>;

export type Change = "created" | "changed" | "same";

export async function putRight(
  client: KubeClient,
  { type, object }: Wanted,
  listed: KubeObject | undefined,
  settled: Settled,
  signal: AbortSignal,
): Promise<Change> {
  const { name, namespace = "" } = object.metadata;
  const key = `${type.plural} ${namespace}/${name}`;
  const remember = (answer: KubeObject): void => void settled.set(key, printOf(object) + printOf(body(answer)));
  let found = listed;
  if (found === undefined) {
    try {
      remember(await client.create(type, object, { signal }));
      return "created";
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    found = await client.get(type, { name, namespace }, { signal });
  }
  if (found.metadata.deletionTimestamp !== undefined || roleRefDiffers(found, object)) {
    // Somebody deleted it and our finalizer holds it; or it can not be changed.
    await remove(client, type, found, signal);
    remember(await client.create(type, object, { signal }));
    return "changed";
  }
  const next = merged(found, object);
  if (isDeepStrictEqual(next, found)) return "same";
  const metadataIsRight = isDeepStrictEqual(next.metadata, found.metadata);
  if (metadataIsRight && settled.get(key) === printOf(object) + printOf(body(found))) return "same";
  remember(await client.update(type, next, { signal }));
  return "changed";
}

/** Labels, annotations and pull secrets of others stay; of the rest, ours is all that there may be. */
export function merged(found: KubeObject, wanted: KubeObject): KubeObject {
  const { status, secrets, imagePullSecrets: theirs = [] } = found as KubeObject & Foreign;
  const { imagePullSecrets: ours = [] } = wanted as KubeObject & Foreign;
  const others = theirs.filter(({ name }) => !ours.some((own) => own.name === name));
  const pulls = others.length === 0 ? {} : { imagePullSecrets: [...ours, ...others] };
  const { labels, annotations, finalizers } = wanted.metadata;
  const metadata = {
    ...found.metadata,
    ...(labels === undefined ? {} : { labels: { ...found.metadata.labels, ...labels } }),
    ...(annotations === undefined ? {} : { annotations: { ...found.metadata.annotations, ...annotations } }),
    ...(finalizers === undefined
      ? {}
      : { finalizers: [...new Set([...(found.metadata.finalizers ?? []), ...finalizers])] }),
  };
  const kept = { ...(status === undefined ? {} : { status }), ...(secrets === undefined ? {} : { secrets }) };
  return { ...wanted, ...kept, ...pulls, metadata };
}

interface Foreign {
  status?: unknown;
  secrets?: unknown;
  imagePullSecrets?: { name: string }[];
}

function roleRefDiffers(found: KubeObject, wanted: KubeObject): boolean {
  const [a, b] = [found, wanted].map((one) => (one as KubeObject & { roleRef?: unknown }).roleRef);
  return !isDeepStrictEqual(a, b);
}

/** What others than us may not change: all but the metadata, the status, and what accounts get from the cluster. */
function body(object: KubeObject): object {
  const { metadata: _metadata, status: _status, secrets: _secrets, ...rest } = object as KubeObject & Foreign;
  return rest;
}

/** Of all in it that could be drift. The same content has the same print, whatever the order of its fields. */
export function fingerprint(object: KubeObject): string {
  const { labels = {}, annotations = {}, finalizers = [], deletionTimestamp } = object.metadata;
  return printOf({ labels, annotations, finalizers, deletionTimestamp, body: body(object) });
}

function printOf(value: unknown): string {
  const sorted = (_key: string, item: unknown): unknown =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  return createHash("sha256").update(JSON.stringify(value, sorted)).digest("base64");
}
