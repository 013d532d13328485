/**
 * Where the checkpoint lies that a new pod goes on from: the newest of those that earlier pods of its action have left. One that saved nothing, because
 * it came to nothing, is passed over.
 */
import { attemptPrefix, checkpointFile, type TaskAction } from "@homeplane/idl";
import { type ObjectStore, ObjectStoreError, parseNativeUrl } from "@homeplane/object-store";
import { currentPod } from "../pod/task.ts";

/** Older ones are not looked for: who has failed that often since has nothing worth going on from. */
const maxLookedAt = 50;

/** The prefix of the pod that left it; empty when there is none. Throws when the store can not be asked. */
export async function previousCheckpoint(
  store: ObjectStore,
  taskAction: TaskAction,
  signal: AbortSignal,
): Promise<string> {
  for (const prefix of earlierPrefixes(taskAction).slice(0, maxLookedAt)) {
    const { bucket, key } = parseNativeUrl(`${prefix}/${checkpointFile}`);
    try {
      await store.head(bucket, key, { signal });
      return prefix;
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.code !== "NotFound") throw error;
    }
  }
  return "";
}

/** Of all pods that the action has had, the newest first. Pure. */
export function earlierPrefixes(taskAction: TaskAction): string[] {
  const { spec, status = {} } = taskAction;
  const { attempt, incarnation } = currentPod(taskAction);
  const lives = [{ attempt, pods: incarnation }];
  for (const record of (status.attemptHistory ?? []).toReversed()) {
    if (record.attempt === attempt) continue;
    // An attempt ends in its last pod, whose number its address tells.
    const last = /\/\d+\.(\d+)$/.exec(record.outputUri ?? "")?.[1] ?? "0";
    lives.push({ attempt: record.attempt, pods: Number(last) + 1 });
  }
  const base = spec.runOutputBase ?? "";
  return lives.flatMap((life) =>
    Array.from({ length: life.pods }, (_, index) =>
      attemptPrefix(base, spec.actionName, life.attempt, life.pods - 1 - index),
    ),
  );
}
