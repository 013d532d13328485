import { type Clock, sleep } from "@homeplane/runtime-kit";

/** Resolves after `ms`, or at once when `stopping` aborts: the caller looks at it anyway. */
export async function pauseUnlessStopped(clock: Clock, ms: number, stopping: AbortSignal): Promise<void> {
  try {
    await sleep(clock, ms, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}
