/**
 * Level-triggered on pods: an ended pod that still has our finalizer is archived, then let go. All that it needs to know is in the
 * pod and the bucket, so it may stop anywhere. Invariant: a pod is let go only when its logs are in the bucket, or could not be got
 * for `holdMs`, or the bucket did not take them for {@link STORE_HOLD_MS}.
 */
import { logsFinalizer } from "@homeplane/idl";
import { WorkQueue } from "@homeplane/kube";
import { messageOf, type Service } from "@homeplane/runtime-kit";
import { archiveContainer, LogUnreadableError } from "./archive-container.ts";
import { releaseFinalizer } from "./finalizer.ts";
import type { Context } from "./options.ts";
import type { PodSource } from "./pod-source.ts";
import { hasEnded, type TaskPod } from "./task-pod.ts";

/** Each streams one log at a time. */
const WORKERS = 16;
const BACKOFF = { baseMs: 500, maxMs: 10_000, jitter: "full" } as const;
/** A bucket that is away for a while must not cost logs: an ended pod costs little to keep. */
const STORE_HOLD_MS = 15 * 60_000;

export class Archiver implements Service {
  readonly name = "log archiver";
  readonly #context: Context;
  readonly #pods: PodSource;
  readonly #queue: WorkQueue;
  /** When each pod's first failure was, by its key. */
  readonly #failing = new Map<string, { readonly uid: string; readonly since: number }>();

  constructor(context: Context, pods: PodSource) {
    const { clock, random, log } = context;
    this.#context = context;
    this.#pods = pods;
    this.#queue = new WorkQueue({ clock, random, log, backoff: BACKOFF });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { informer } = this.#pods;
    const unlisten = informer.onChange(({ key, type, object }) => {
      if (type === "deleted") this.#failing.delete(key);
      else if (object.finalizers.includes(logsFinalizer)) this.#queue.add(key);
    });
    const process = (key: string): Promise<{ requeueAfterMs?: number } | void> => this.#reconcile(key, signal);
    await Promise.all([informer.run(signal), this.#queue.run({ workers: WORKERS, process, signal })]);
    unlisten();
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<{ requeueAfterMs?: number } | void> {
    const { clock, client, org, holdMs } = this.#context;
    const pod = this.#pods.informer.get(key);
    if (pod === undefined || !pod.finalizers.includes(logsFinalizer)) return;
    const now = clock.now();
    if (!hasEnded(pod, now, holdMs)) {
      return pod.deletion === undefined ? undefined : { requeueAfterMs: Math.max(1, pod.deletion.at + holdMs - now) };
    }
    await this.#archive(key, pod, signal);
    await releaseFinalizer(client, org, pod, signal);
    this.#failing.delete(key);
  }

  async #archive(key: string, pod: TaskPod, signal: AbortSignal): Promise<void> {
    const { clock, log, holdMs } = this.#context;
    const { owner } = pod;
    const about = { namespace: pod.namespace, pod: pod.name, uid: pod.uid };
    if (owner === undefined) {
      log.error(
        { event: "log.unowned", ...about },
        "a pod lacks the labels that say whose it is: its log is not archived",
      );
      return;
    }
    const known = this.#failing.get(key);
    const since = known?.uid === pod.uid ? known.since : clock.now();
    const lenient = clock.now() - since >= holdMs;
    const failures: unknown[] = [];
    for (const container of pod.containers) {
      if (!container.ran) continue;
      try {
        await archiveContainer(this.#context, { pod, owner, container, lenient }, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        failures.push(error);
      }
    }
    if (failures.length === 0) return;
    const error = failures.find((one) => !(one instanceof LogUnreadableError)) ?? failures[0];
    const limit = error instanceof LogUnreadableError ? holdMs : STORE_HOLD_MS;
    // Only a try that kept what it could may be the last.
    if (!lenient || clock.now() - since < limit) {
      this.#failing.set(key, { uid: pod.uid, since });
      throw error;
    }
    const what =
      "a log could not be archived as a whole in time: its pod is let go, and what could not be read is lost";
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : undefined;
    log.error({ event: "log.lost", ...about, heldMs: clock.now() - since, error: messageOf(error), cause }, what);
  }
}
