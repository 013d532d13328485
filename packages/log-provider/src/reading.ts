import { messageOf } from "@homeplane/runtime-kit";
import type { Chunk, ContainerName } from "./chunk.ts";
import { LineCutter, type LogPiece } from "./line-cutter.ts";
import type { Context } from "./options.ts";
import type { PodSource } from "./pod-source.ts";
import type { SentWindow } from "./sent-window.ts";
import { watchSilence } from "./silence.ts";
import type { TaskContainer } from "./task-pod.ts";
import type { FollowTask } from "./until-started.ts";

export class StalledError extends Error {
  override readonly name = "StalledError";
}

export interface Reading {
  readonly of: ContainerName;
  readonly sent: SentWindow;
  readonly follow: boolean;
  readonly pods: PodSource;
}

/** What a reading had after the last newline; it is not counted as sent. */
export interface Rest {
  /** As it was read: tells whether two readings ended at the same place, also in the midst of a line that was sent. */
  readonly read: readonly LogPiece[];
  readonly unsent: LogPiece[];
}

/**
 * One reading; returns what comes after the last newline. Throws when it breaks, or stays silent after
 * the container's end.
 */
export async function* reading(
  context: Context,
  { pod, container }: FollowTask,
  { of, sent, follow, pods }: Reading,
  signal: AbortSignal,
): AsyncGenerator<Chunk, Rest> {
  const { client, clock, log, stallMs } = context;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const since = sent.since;
  const bytes = client.podLog(pod, {
    container,
    follow,
    timestamps: true,
    ...(since === undefined ? {} : { sinceTime: since }),
    signal: either,
  });
  let endedBefore = false;
  const look = async (): Promise<void> => {
    try {
      const ended = endOf(await pods.current(pod, either), container);
      if (ended && endedBefore) stop.abort(new StalledError("the container has ended, its log stream has not"));
      endedBefore = ended;
    } catch (error) {
      if (!either.aborted) log.debug({ event: "log.look_failed", ...of, error: messageOf(error) });
    }
  };
  const cutter = new LineCutter();
  const unsent = sent.unsent();
  try {
    for await (const part of watchSilence(bytes, clock, stallMs, () => void look())) {
      endedBefore = false;
      const pieces = cutter.push(part).filter(unsent);
      for (const piece of pieces) sent.record(piece);
      if (pieces.length > 0) yield { ...of, pieces };
    }
    const read = cutter.end();
    return { read, unsent: read.filter(unsent) };
  } finally {
    stop.abort(new DOMException("the log is no longer read", "AbortError"));
  }
}

const endOf = (pod: { readonly containers: readonly TaskContainer[] } | undefined, name: string): boolean =>
  pod === undefined || pod.containers.some((one) => one.name === name && one.state === "ended");
