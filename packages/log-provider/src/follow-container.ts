/**
 * One container's log, live from the Kubernetes API, to its end. A loop around one belief, "all up to here was sent": each turn looks
 * at the pod, then reads the log from about there. An API server that loses its connection to the node ends the stream as if it was
 * complete, so it ends only after a reading that began when the container had ended already, came to its end, and found nothing new.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { isNotFound } from "@homeplane/kube";
import { backoffMs, messageOf } from "@homeplane/runtime-kit";
import { archiveKey } from "./archive.ts";
import { type Chunks, type ContainerName, systemLine } from "./chunk.ts";
import type { LogPiece } from "./line-cutter.ts";
import type { Context } from "./options.ts";
import type { PodSource } from "./pod-source.ts";
import { reading, StalledError } from "./reading.ts";
import { readArchive } from "./read-archive.ts";
import { SentWindow } from "./sent-window.ts";
import { type FollowTask, untilStarted } from "./until-started.ts";

/** In a row, without a new line between. */
const MAX_FAILURES = 5;
const BACKOFF = { baseMs: 200, maxMs: 3_000, jitter: "full" } as const;
/** Streams that end at once, in a row, though the container's status says "running": we look again, `pollMs` apart at most. */
const MAX_EARLY_ENDS = 60;
/** A stream that lived this long did not end at once: something on the way closes silent ones. */
const LONG_MS = 5_000;

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
    const startedAt = clock.now();
    try {
      const stream = reading(context, task, { of, sent, follow: !(stalled && start.ended), pods }, signal);
      let next = await stream.next();
      for (; next.done !== true; next = await stream.next()) {
        progress = true;
        earlyEnds = 0;
        yield next.value;
      }
      const { read, unsent: half } = next.value;
      const same = !progress && before === keyOf(read);
      before = keyOf(read);
      if (start.ended) {
        if (!same && ++earlyEnds <= MAX_EARLY_ENDS) continue;
        // Half a line is sent only when it is known to stay so: else the next reading brings the whole.
        if (half.length > 0) yield { ...of, pieces: half };
        return;
      }
      earlyEnds = clock.now() - startedAt >= LONG_MS ? 0 : earlyEnds + 1;
      if (earlyEnds > MAX_EARLY_ENDS) {
        yield* rest(context, task, of, sent, signal, new Error("the stream ends at once, the container does not"));
        return;
      }
      // Most likely it ended this moment, and its status will say so in the next.
      const wait = backoffMs({ ...BACKOFF, jitter: "none" }, earlyEnds, random);
      await pods.changed(task.pod, Math.min(pollMs, wait), signal);
      continue;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const again = stalled;
      stalled = error instanceof StalledError;
      if (progress) failures = 0;
      else if (!stalled || again) failures++;
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
