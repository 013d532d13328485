/** What was found in the cache before a pod was made, kept on the pod: it is there for as long as anybody has to know. */
import { cacheKeyAnnotation, cacheReservedAnnotation, type CacheStatus, cacheStatusAnnotation } from "@homeplane/idl";
import type { Pod } from "@homeplane/kube";

export interface PodCache {
  readonly key: string;
  readonly status: CacheStatus;
  /** Others wait for its result. */
  readonly reserved: boolean;
}

const statuses: ReadonlySet<string> = new Set<CacheStatus>(["CACHE_MISS", "CACHE_SKIPPED", "CACHE_LOOKUP_FAILURE"]);

export function cacheAnnotations(cache: PodCache | undefined): Record<string, string> {
  if (cache === undefined) return {};
  return {
    [cacheKeyAnnotation]: cache.key,
    [cacheStatusAnnotation]: cache.status,
    ...(cache.reserved ? { [cacheReservedAnnotation]: "true" } : {}),
  };
}

export function cacheOfPod({ metadata }: Pod): PodCache | undefined {
  const annotations = metadata.annotations ?? {};
  const key = annotations[cacheKeyAnnotation];
  const status = annotations[cacheStatusAnnotation] ?? "";
  if (!key || !statuses.has(status)) return undefined;
  return { key, status: status as CacheStatus, reserved: annotations[cacheReservedAnnotation] === "true" };
}

/** Annotations of a task's own pod template; none may say under which key its result is stored. */
export function withoutCache(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  const own: ReadonlySet<string> = new Set([cacheKeyAnnotation, cacheStatusAnnotation, cacheReservedAnnotation]);
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !own.has(name)));
}
