/**
 * One container's log, live from the Kubernetes API, to its end. A loop around one belief, "all up to here was sent": each turn looks
 * at the pod, then reads the log from about there. An API server that loses its connection to the node ends the stream as if it was
 * complete, so it ends only after a reading that began when the container had ended already, came to its end, and found nothing new.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { isNotFound } from "@homeplane/kube";
import { backoffMs, messageOf } from "@homeplane/runtime-kit";
import { archiveKey } from "./archive.ts";
import { type Chunk, type Chunks, type ContainerName, systemLine } from "./chunk.ts";
import { LineCutter, type LogPiece } from "./line-cutter.ts";
import type { Context } from "./options.ts";
import type { PodRef, PodSource } from "./pod-source.ts";
import { readArchive } from "./read-archive.ts";
import { SentWindow } from "./sent-window.ts";
import { watchSilence } from "./silence.ts";
import { type ActionAttempt, hasEnded, type TaskContainer } from "./task-pod.ts";

/** In a row, without a new line between. */
const MAX_FAILURES = 5;
const BACKOFF = { baseMs: 200, maxMs: 3_000, jitter: "full" } as const;
/** The stream has ended and the status says "running": how many times we look again, `pollMs` apart at most. */
const MAX_EARLY_ENDS = 60;

export interface FollowTask {
  readonly pod: PodRef;
  readonly owner: ActionAttempt;
  readonly container: string;
  /** When we stop waiting for the start, in ms since the epoch. */
  readonly startBy: number;
}

class StalledError extends Error {
  override readonly name = "StalledError";
}

export async function* followContainer(
  context: Context,
  pods: PodSource,
  task: FollowTask,
  signal: AbortSignal,
): Chunks {
  const { clock, random, log, pollMs } = context;
  const of: ContainerName = { namespace: task.pod.namespace, pod: task.pod.name, container: task.container };
  const sent = new SentWindow();
  let failures = 0;
  let earlyEnds = 0;
  let stalled = false;
  /** What the reading before had after the last newline. */
  let before: string | undefined;
  for (;;) {
    const start = await untilStarted(context, pods, task, signal);
    if (start.kind === "gone") {
      yield* rest(context, task, of, sent, signal);
      return;
    }
    if (start.kind === "never") {
      yield systemLine(of, `container ${task.container} never started: ${start.why}`, clock.now());
      return;
    }
    let progress = false;
    try {
      const stream = reading(context, task, { of, sent, follow: !(stalled && start.ended), pods }, signal);
      let next = await stream.next();
      for (; next.done !== true; next = await stream.next()) {
        progress = true;
        earlyEnds = 0;
        yield next.value;
      }
      const half = next.value;
      const same = !progress && before === keyOf(half);
      before = keyOf(half);
      if ((start.ended && same) || ++earlyEnds > MAX_EARLY_ENDS) {
        // Half a line is sent only when it is known to stay so: else the next reading brings the whole.
        if (half.length > 0) yield { ...of, pieces: half };
        return;
      }
      if (start.ended) continue;
      // Most likely it ended this moment, and its status will say so in the next.
      await pods.changed(
        task.pod,
        Math.min(
          pollMs,
          backoffMs(BACKOFF, earlyEnds, () => 1),
        ),
        signal,
      );
      continue;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      stalled = error instanceof StalledError;
      if (progress) failures = 0;
      else if (!stalled) failures++;
      log.debug({ event: "log.resume", ...of, failures, error: messageOf(error) });
      if (failures > MAX_FAILURES || (isNotFound(error) && (await pods.get(task.pod, signal)) === undefined)) {
        yield* rest(context, task, of, sent, signal, error);
        return;
      }
    }
    if (!stalled) await pods.changed(task.pod, backoffMs(BACKOFF, failures, random), signal);
  }
}

const keyOf = (pieces: readonly LogPiece[]): string =>
  pieces.map(({ time, content }) => `${time} ${content.toString("latin1")}`).join("");

interface Reading {
  readonly of: ContainerName;
  readonly sent: SentWindow;
  readonly follow: boolean;
  readonly pods: PodSource;
}

/**
 * One reading; returns what comes after the last newline, which is not counted as sent. Throws when it breaks, or stays silent after
 * the container's end.
 */
async function* reading(
  context: Context,
  { pod, container }: FollowTask,
  { of, sent, follow, pods }: Reading,
  signal: AbortSignal,
): AsyncGenerator<Chunk, LogPiece[]> {
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
    return cutter.end().filter(unsent);
  } finally {
    stop.abort(new DOMException("the log is no longer read", "AbortError"));
  }
}

const endOf = (pod: { readonly containers: readonly TaskContainer[] } | undefined, name: string): boolean =>
  pod === undefined || pod.containers.some((one) => one.name === name && one.state === "ended");

type Start =
  | { readonly kind: "started"; readonly ended: boolean }
  | { readonly kind: "never"; readonly why: string }
  | { readonly kind: "gone" };

async function untilStarted(context: Context, pods: PodSource, task: FollowTask, signal: AbortSignal): Promise<Start> {
  const { clock, holdMs, pollMs } = context;
  for (;;) {
    const pod = await pods.current(task.pod, signal);
    const container = pod?.containers.find((one) => one.name === task.container);
    if (pod === undefined || container === undefined) return { kind: "gone" };
    const ended = container.state === "ended" || hasEnded(pod, clock.now(), holdMs);
    if (container.ran) return { kind: "started", ended };
    if (ended) return { kind: "never", why: container.reason ?? pod.reason ?? "its pod ended before" };
    if (clock.now() >= task.startBy) {
      const why = container.reason === undefined ? "" : ` (${container.reason})`;
      throw new ConnectError(
        `container ${task.container} of pod ${task.pod.name} has not started${why}: no log yet`,
        Code.NotFound,
      );
    }
    await pods.changed(task.pod, Math.min(pollMs, Math.max(1, task.startBy - clock.now())), signal);
  }
}

/** What the archive has beyond what was sent. */
async function* rest(
  context: Context,
  task: FollowTask,
  of: ContainerName,
  sent: SentWindow,
  signal: AbortSignal,
  cause?: unknown,
): Chunks {
  const key = archiveKey(task.owner, task.pod.name, task.container);
  if (yield* readArchive(context, { ...of, key }, signal, sent)) return;
  if (cause === undefined && sent.since === undefined) return;
  throw new ConnectError(
    `the log of container ${task.container} of pod ${task.pod.name} broke off and is not archived; try again`,
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}
