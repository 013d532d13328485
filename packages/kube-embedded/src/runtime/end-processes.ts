import { type Clock, type Logger, sleep } from "@homeplane/runtime-kit";
import { findProcesses, hasSign, type ProcessSigns } from "./procfs.ts";

/** SIGKILL is sent in rounds, for those who were just being forked; after as many, what is left can not be killed (state D). */
const KILL_ROUNDS = 50;
const ROUND_MS = 20;
const MAX_ROUND_MS = 200;

/** Sends `signal`; a negative pid names a group. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone, or not ours to signal (set-uid): who asked looks again, and says what is left.
    if (!isErrno(error, "ESRCH") && !isErrno(error, "EPERM")) throw error;
  }
}

/** Kills every process with one of the signs; false when some are still there after about 10 s. */
export async function killAll(signs: ProcessSigns, clock: Clock, log: Logger): Promise<boolean> {
  let left: readonly number[] = [];
  for (let round = 0; round < KILL_ROUNDS; round++) {
    signs.killAtOnce?.();
    left = await findProcesses(signs);
    if (left.length === 0) return true;
    // Looked at again right before the signal: a pid that ended meanwhile may be somebody else's now.
    for (const pid of left) if (hasSign(pid, signs)) signalProcess(pid, "SIGKILL");
    await sleep(clock, Math.min(ROUND_MS * (round + 1), MAX_ROUND_MS));
  }
  log.error(
    { event: "pod_processes_unkillable", pids: left, mark: signs.mark },
    "processes of a pod do not end by SIGKILL",
  );
  return false;
}

/** SIGTERM to all, SIGKILL to those that are still there after `graceMs`. */
export async function endAll(signs: ProcessSigns, graceMs: number, clock: Clock, log: Logger): Promise<boolean> {
  for (const pid of await findProcesses(signs)) signalProcess(pid, "SIGTERM");
  const deadline = clock.now() + graceMs;
  while (clock.now() < deadline && (await findProcesses(signs)).length > 0) await sleep(clock, 50);
  return await killAll(signs, clock, log);
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
