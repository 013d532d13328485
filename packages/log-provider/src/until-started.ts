import { Code, ConnectError } from "@connectrpc/connect";
import type { Context } from "./options.ts";
import type { PodRef, PodSource } from "./pod-source.ts";
import { type ActionAttempt, hasEnded } from "./task-pod.ts";

export interface FollowTask {
  readonly pod: PodRef;
  readonly owner: ActionAttempt;
  readonly container: string;
  /** When we stop waiting for the start, in ms since the epoch. */
  readonly startBy: number;
}

type Start =
  | { readonly kind: "started"; readonly ended: boolean }
  | { readonly kind: "never"; readonly why: string }
  | { readonly kind: "gone" };

/** Throws NOT_FOUND when that takes longer than `startBy` allows. */
export async function untilStarted(
  context: Context,
  pods: PodSource,
  task: FollowTask,
  signal: AbortSignal,
): Promise<Start> {
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
