/** Before a pod is made for a cached task: its result is there, or another one is just making it, or it runs. */
import type { AttemptRecord, CacheSource, TaskAction } from "@homeplane/idl";
import { outputsFile } from "@homeplane/idl";
import { currentPod } from "../pod/task.ts";
import { exists } from "../reconcile/attempt-files.ts";
import { type Deps, nowIso } from "../reconcile/deps.ts";
import { ended, progressed } from "../reconcile/status.ts";
import { writeStatus } from "../reconcile/write.ts";
import { seenPhases } from "../report/phases.ts";
import { keyOfTaskAction } from "../resource.ts";
import { type Cacheable, cacheableOf } from "./cacheable.ts";
import type { Answer, Entry } from "./catalog.ts";
import type { PodCache } from "./pod-cache.ts";

export type Consulted =
  | { readonly kind: "run"; readonly cache?: PodCache }
  /** The action has ended, or looks again. */
  | { readonly kind: "done"; readonly requeueAfterMs?: number };

/** How long an action waits for a control plane that does not answer before it runs without having asked. */
const lookupGraceMs = 15_000;
const busyMs = 100;
const awayMs = 2_000;
const shortestWaitMs = 2_000;
const longestWaitMs = 15_000;

const awayMessage = "waiting for cache: the control plane does not answer";

/** `taskAction` is the whole resource, read just now. */
export async function consultCache(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Consulted> {
  const cacheable = cacheableOf(taskAction, deps.config.pod.org);
  if (cacheable === undefined) return { kind: "run" };
  const { scope, key, serialized, overwrite } = cacheable;
  if (overwrite) return { kind: "run", cache: { key, status: "CACHE_SKIPPED", reserved: false } };
  const found = await lookUp(deps, cacheable, signal);
  if (found.kind !== "ok") return unanswered(deps, taskAction, key, found.kind, signal);
  if (found.value !== undefined) return hit(deps, taskAction, found.value, signal);
  if (!serialized) return { kind: "run", cache: { key, status: "CACHE_MISS", reserved: false } };

  const owner = taskAction.metadata.uid ?? "";
  // Before the question, so that a release in between wakes us.
  deps.catalog.waitFor(keyOfTaskAction(taskAction), scope, key);
  const holder = await deps.catalog.reserve(scope, key, owner, signal);
  if (holder.kind !== "ok") return unanswered(deps, taskAction, key, holder.kind, signal);
  if (holder.value !== owner) return wait(deps, taskAction, "waiting for cache: the same task runs elsewhere", signal);
  deps.catalog.waitNoMore(keyOfTaskAction(taskAction));
  // The one who held it before may have stored its result between our two questions.
  const again = await lookUp(deps, cacheable, signal);
  if (again.kind !== "ok") return unanswered(deps, taskAction, key, again.kind, signal);
  if (again.value !== undefined) return hit(deps, taskAction, again.value, signal);
  return { kind: "run", cache: { key, status: "CACHE_MISS", reserved: true } };
}

/** An entry that is too old, or whose output was deleted, is none. */
async function lookUp(
  deps: Deps,
  { scope, key, maxAgeMs }: Cacheable,
  signal: AbortSignal,
): Promise<Answer<Entry | undefined>> {
  const answer = await deps.catalog.get(scope, key, signal);
  if (answer.kind !== "ok" || answer.value === undefined) return answer;
  const { outputUri, storedAt } = answer.value;
  const tooOld = maxAgeMs !== undefined && deps.clock.now() - (storedAt ?? 0) > maxAgeMs;
  const there = !tooOld && (await exists(deps.store, `${outputUri}/${outputsFile}`, signal));
  return there ? answer : { kind: "ok", value: undefined };
}

async function hit(deps: Deps, taskAction: TaskAction, entry: Entry, signal: AbortSignal): Promise<Consulted> {
  const at = nowIso(deps.clock);
  const record: AttemptRecord = {
    attempt: currentPod(taskAction).attempt,
    phase: "SUCCEEDED",
    startedAt: at,
    endedAt: at,
    outputUri: entry.outputUri,
    cacheStatus: "CACHE_HIT",
    ...(entry.source === undefined ? {} : { cacheSource: entry.source satisfies CacheSource }),
  };
  await writeStatus(deps, taskAction, ended(taskAction, record, seenPhases(taskAction, undefined)), signal);
  return { kind: "done" };
}

/** Bounded: the wait is counted from when the status first said so, or from when others found the same. */
async function unanswered(
  deps: Deps,
  taskAction: TaskAction,
  key: string,
  why: "busy" | "away" | "refused",
  signal: AbortSignal,
): Promise<Consulted> {
  if (why === "busy") return { kind: "done", requeueAfterMs: busyMs * (0.5 + deps.random()) };
  const since = waitingSince(taskAction, awayMessage);
  const hasWaited = since !== undefined && deps.alarms.left(taskAction, "cache", since, lookupGraceMs) === 0;
  const isOver = hasWaited || deps.catalog.awayMs() >= lookupGraceMs;
  if (why === "refused" || isOver)
    return { kind: "run", cache: { key, status: "CACHE_LOOKUP_FAILURE", reserved: false } };
  await showWait(deps, taskAction, awayMessage, signal);
  return { kind: "done", requeueAfterMs: awayMs };
}

/** Tries grow rarer as it goes on; a release in this process wakes it at once. */
async function wait(deps: Deps, taskAction: TaskAction, message: string, signal: AbortSignal): Promise<Consulted> {
  const since = waitingSince(taskAction, message);
  const waited = since === undefined ? 0 : deps.clock.now() - Date.parse(since);
  await showWait(deps, taskAction, message, signal);
  const next = Math.min(longestWaitMs, Math.max(shortestWaitMs, waited / 4));
  return { kind: "done", requeueAfterMs: next * (0.75 + 0.5 * deps.random()) };
}

function waitingSince({ status }: TaskAction, message: string): string | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "Progressing");
  return condition?.message === message ? condition.lastTransitionTime : undefined;
}

async function showWait(deps: Deps, taskAction: TaskAction, message: string, signal: AbortSignal): Promise<void> {
  if (waitingSince(taskAction, message) !== undefined) return;
  const entries = seenPhases(taskAction, undefined).map((entry) => ({ ...entry, message }));
  await writeStatus(deps, taskAction, progressed(taskAction, "QUEUED", entries, message, nowIso(deps.clock)), signal);
}
