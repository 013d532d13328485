/** What a task's template and run say about caching its result. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { TaskAction } from "@homeplane/idl";
import { decodeRunSpec, decodeTemplate, InvalidSpecError } from "../pod/task.ts";

export interface CacheScope {
  readonly org: string;
  readonly project: string;
  readonly domain: string;
}

export interface Cacheable {
  readonly scope: CacheScope;
  readonly key: string;
  /** Of those that start at the same time one runs, the others wait for its result. */
  readonly serialized: boolean;
  /** Older results are not taken; absent = any age. */
  readonly maxAgeMs?: number;
  /** The run wants it done anew, and the result stored. */
  readonly overwrite: boolean;
}

/** `taskAction` is the whole resource. `undefined` = its result is neither looked up nor stored. */
export function cacheableOf(taskAction: TaskAction, org: string): Cacheable | undefined {
  const { cacheKey } = taskAction.spec;
  if (!cacheKey) return undefined;
  try {
    const { metadata, id } = decodeTemplate(taskAction);
    if (metadata?.discoverable !== true) return undefined;
    const maxAgeMs = metadata.cacheMaxAge ? durationMs(metadata.cacheMaxAge) : 0;
    const runSpec = decodeRunSpec(taskAction);
    return {
      scope: scopeOf(taskAction, org),
      key: `${id?.name ?? ""}/${cacheKey}`,
      serialized: metadata.cacheSerializable,
      overwrite: (runSpec?.overwriteCache ?? false) || (runSpec?.cacheConfig?.overwriteCache ?? false),
      ...(maxAgeMs > 0 ? { maxAgeMs } : {}),
    };
  } catch (error) {
    // Creating the pod says what is wrong with it.
    if (error instanceof InvalidSpecError) return undefined;
    throw error;
  }
}

export function scopeOf({ spec }: TaskAction, org: string): CacheScope {
  return { org: spec.org ?? org, project: spec.project, domain: spec.domain };
}
