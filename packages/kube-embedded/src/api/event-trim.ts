import { type KubeObject, parseObject } from "../store/object.ts";
import type { ObjectKey } from "../store/store.ts";
import { deleteKey } from "./collector-actions.ts";
import type { ApiContext } from "./context.ts";

/** As kube-apiserver's --event-ttl; else events would grow without end. */
const TTL_MS = 3_600_000;
/** However many pods there are in an hour: events are for people, and nobody reads as many. */
const MAX_EVENTS = 5_000;
const PAGE = 500;

/** By its last occurrence; 0 when it has no readable time. */
function lastSeen({ lastTimestamp, eventTime, metadata }: KubeObject): number {
  const times = [lastTimestamp, eventTime, metadata.creationTimestamp];
  return Math.max(...times.map((time) => (typeof time === "string" ? Date.parse(time) || 0 : 0)));
}

/** Removes events that are too old, and of the others the oldest above a number. */
export async function trimEvents(context: ApiContext): Promise<void> {
  const known: { readonly key: ObjectKey; readonly seen: number }[] = [];
  let after: { namespace: string; name: string } | undefined;
  for (let more = true; more; ) {
    const page = await context.store.list({
      resource: "events",
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { resource, namespace, name, json } of page.items) {
      after = { namespace, name };
      known.push({ key: { resource, namespace, name }, seen: lastSeen(parseObject(json)) });
    }
    ({ more } = page);
  }
  const now = context.clock.now();
  const newestFirst = known.toSorted((a, b) => b.seen - a.seen);
  for (const [n, { key, seen }] of newestFirst.entries())
    if (n >= MAX_EVENTS || (seen > 0 && now - seen > TTL_MS)) await deleteKey(context, key, {});
}
