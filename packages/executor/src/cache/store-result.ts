/** After a cached task has succeeded: its output becomes the entry. Whatever goes wrong with that, the task has succeeded. */
import type { CacheStatus, TaskAction } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { currentPod, outputPrefixOf } from "../pod/task.ts";
import type { Deps } from "../reconcile/deps.ts";
import { scopeOf } from "./cacheable.ts";

/** How long the end of an action waits for a control plane that does not answer. */
const putGraceMs = 5_000;
const againMs = 500;

/** `{ requeueAfterMs }` = not decided yet; `undefined` = the task is not cached. */
export async function storeResult(
  deps: Deps,
  taskAction: TaskAction,
  pod: PodView,
  endedAt: string,
  signal: AbortSignal,
): Promise<CacheStatus | { readonly requeueAfterMs: number } | undefined> {
  if (pod.cache === undefined) return undefined;
  const { attempt, incarnation } = currentPod(taskAction);
  const source = { runName: taskAction.spec.runName, actionName: taskAction.spec.actionName, attempt };
  const outputUri = outputPrefixOf(taskAction, attempt, incarnation);
  const scope = scopeOf(taskAction, deps.config.pod.org);
  const answer = await deps.catalog.put(scope, pod.cache.key, outputUri, source, signal);
  if (answer.kind === "ok") return "CACHE_POPULATED";
  if (answer.kind === "refused") return "CACHE_PUT_FAILURE";
  if (answer.kind === "away" && deps.catalog.awayMs() >= putGraceMs) return "CACHE_PUT_FAILURE";
  const waited = deps.clock.now() - Date.parse(endedAt);
  // A node whose clock is ahead must not make us wait for it.
  return waited >= 0 && waited < putGraceMs ? { requeueAfterMs: againMs } : "CACHE_PUT_FAILURE";
}
