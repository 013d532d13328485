import { backoffMs, type Clock, type Logger, messageOf, pause, type Random } from "@homeplane/runtime-kit";
import type { PodView } from "./pod-view.ts";

/** Makes the pod ours in the API before anything is started; false when it is no longer there. */
export type Claim = (pod: PodView, signal: AbortSignal) => Promise<boolean>;

const RETRY = { baseMs: 500, maxMs: 15_000, jitter: "full" } as const;

/** Until the API has answered; false when `stopping` comes first. */
export async function claimPod(
  pod: PodView,
  stopping: AbortSignal,
  deps: { readonly claim: Claim; readonly clock: Clock; readonly random: Random; readonly log: Logger },
): Promise<boolean> {
  const { clock, random, log, claim } = deps;
  for (let n = 0; !stopping.aborted; n++) {
    try {
      return await claim(pod, stopping);
    } catch (error) {
      if (stopping.aborted) break;
      const retryInMs = backoffMs(RETRY, n, random);
      const fields = { event: "pod_claim_failed", pod: pod.key, retryInMs, error: messageOf(error) };
      log.warn(fields, "a pod could not be bound");
      await pause(clock, retryInMs, stopping);
    }
  }
  return false;
}
