import type { TaskAction } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import type { Deps, Next } from "../reconcile/deps.ts";
import { scopeOf } from "./cacheable.ts";

/** While the pod of a serialised task is there its reservation is kept alive: those who wait for it go on waiting. */
export async function keepReservation(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView | undefined,
  next: Next,
  signal: AbortSignal,
): Promise<Next> {
  if (pod?.cache?.reserved !== true) return next;
  const scope = scopeOf(taskAction, deps.config.pod.org);
  const heartbeat = await deps.catalog.extend(scope, pod.cache.key, taskAction.metadata.uid ?? "", signal);
  return { requeueAfterMs: Math.min(heartbeat, next?.requeueAfterMs ?? heartbeat) };
}
