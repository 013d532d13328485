import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { takeLock } from "../../../scripts/bootstrap/lock.mjs";
import type { Place } from "./layout.ts";

/** The longest holder builds everything. */
const longestMs = 60 * 60_000;

/** One command at a time changes a cluster. A lock whose holder was killed holds nobody up. */
export async function withLock<T>(place: Place, say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  // Beside the folder, which `reset` removes while others may wait.
  await mkdir(dirname(place.folder), { recursive: true, mode: 0o700 });
  const told = ({ pid }: { pid: number }): void => say(`waiting for process ${pid}, which changes this cluster`);
  const release = await takeLock(`${place.folder}.lock`, AbortSignal.timeout(longestMs), told, longestMs);
  try {
    return await work();
  } finally {
    release();
  }
}
