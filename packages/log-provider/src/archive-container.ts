/** One container's whole log, from the Kubernetes API to the bucket. */
import { isNotFound } from "@homeplane/kube";
import { archiveKey, isArchived, putArchive } from "./archive.ts";
import type { Context } from "./options.ts";
import { watchSilence } from "./silence.ts";
import { TailBytes } from "./tail-bytes.ts";
import type { ActionAttempt, TaskContainer, TaskPod } from "./task-pod.ts";

/** The log could not be read; the bucket is not to blame. */
export class LogUnreadableError extends Error {
  override readonly name = "LogUnreadableError";
}

class SilentError extends Error {
  override readonly name = "SilentError";
}

export interface ArchiveTask {
  readonly pod: TaskPod;
  readonly owner: ActionAttempt;
  readonly container: TaskContainer;
  /** Keep what can be read, also when that is not all. */
  readonly lenient: boolean;
}

/** Idempotent. Throws a LogUnreadableError, or what the store throws. */
export async function archiveContainer(context: Context, task: ArchiveTask, signal: AbortSignal): Promise<void> {
  const { pod, owner, container, lenient } = task;
  const key = archiveKey(owner, pod.name, container.name);
  if (await isArchived(context, key, pod.uid, signal)) return;
  try {
    // The stream of an ended container ends when the node has flushed it all; without `follow` the tail might lack.
    await store(context, task, key, true, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof LogUnreadableError && isNotFound(error.cause)) {
      if (container.ran) await putArchive(context, key, new Uint8Array(0), { uid: pod.uid, incomplete: true }, signal);
      context.log.warn({ event: "log.absent", namespace: pod.namespace, pod: pod.name, container: container.name });
      return;
    }
    const silent = error instanceof LogUnreadableError && error.cause instanceof SilentError;
    if (!silent && !lenient) throw error;
    await store(context, task, key, false, signal);
  }
}

async function store(
  context: Context,
  { pod, container, lenient }: ArchiveTask,
  key: string,
  follow: boolean,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let unreadable: LogUnreadableError | undefined;
  const read = (sinceTime?: string): AsyncGenerator<Uint8Array> => {
    const since = sinceTime === undefined ? {} : { sinceTime };
    const options = { container: container.name, follow, timestamps: true, ...since, signal: either };
    const silent = new SilentError(`no byte for ${context.flushMs / 1000} s`);
    return watchSilence(context.client.podLog(pod, options), context.clock, context.flushMs, () => stop.abort(silent));
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      const tail = new TailBytes();
      for await (const part of read()) {
        tail.push(part);
        yield part;
      }
      await confirmEnd(tail, read);
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      unreadable = new LogUnreadableError(`the log of container ${container.name} can not be read`, { cause });
      // The last resort keeps what there is.
      if (lenient && !follow) return;
      throw unreadable;
    }
  }
  try {
    if (lenient && !follow) await putArchive(context, key, body(), { uid: pod.uid, incomplete: true }, signal);
    else await putArchive(context, key, body(), { uid: pod.uid }, signal);
  } catch (error) {
    // A driver may have wrapped it.
    throw unreadable ?? error;
  } finally {
    stop.abort(new DOMException("the log is no longer read", "AbortError"));
  }
  if (unreadable !== undefined) throw unreadable;
}

/**
 * An API server that loses its connection to the node ends the stream as if it was complete. So the end is read a second time: a log
 * that was cut short goes on there. Throws when it does.
 */
async function confirmEnd(tail: TailBytes, read: (since?: string) => AsyncGenerator<Uint8Array>): Promise<void> {
  const again = new TailBytes();
  for await (const part of read(tail.since)) again.push(part);
  if (!tail.endsAs(again)) throw new Error("the log stream was cut short");
}
