import { readlinkSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { allPids, statOf, textOf } from "./process-stat.ts";

/** What makes a process one of a container, of a pod, or of this node. One sign is enough. */
export interface ProcessSigns {
  /** `NAME=value` in its environment; children inherit it, also past setsid(2). */
  readonly mark: string;
  /** Its stdout or stderr is a file below this folder: that finds those who cleared their environment, but kept their output. */
  readonly logFolder: string;
  /** Its session, that of a container's first process. */
  readonly session?: number;
  /** Those who started earlier, in clock ticks since boot, are not even looked at: they can not be the container's. */
  readonly sinceTicks?: number;
  /** Those who are known otherwise: by the cgroup, or because they were seen as children. These need no sign. */
  readonly members?: () => readonly number[];
  /** Kills as many as the kernel knows to be together, at once. */
  readonly killAtOnce?: () => void;
}

/** As many processes are looked at before others get their turn: about 2 ms. */
const AT_ONCE = 64;

/**
 * All live processes with one of the signs, but for ourselves. Linux: proc(5). Reads without waiting: these files are made up by
 * the kernel on the spot, and a trip to the thread pool costs ten times the read.
 */
export async function findProcesses(signs: ProcessSigns): Promise<readonly number[]> {
  const found = new Set(signs.members?.().filter((pid) => statOf(pid) !== undefined));
  let looked = 0;
  for (const pid of allPids()) {
    if (pid === process.pid || found.has(pid)) continue;
    if (hasMark(pid, signs)) found.add(pid);
    if (++looked % AT_ONCE === 0) await setImmediate();
  }
  return [...found];
}

export function hasSign(pid: number, signs: ProcessSigns): boolean {
  return hasMark(pid, signs) || (signs.members?.().includes(pid) === true && statOf(pid) !== undefined);
}

function hasMark(pid: number, signs: ProcessSigns): boolean {
  const stat = statOf(pid);
  if (stat === undefined) return false;
  if (signs.sinceTicks !== undefined && stat.startTicks < signs.sinceTicks) return false;
  if (signs.session !== undefined && stat.session === signs.session) return true;
  if (`\0${textOf(`/proc/${pid}/environ`)}`.includes(`\0${signs.mark}\0`)) return true;
  return [1, 2].some((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith(`${signs.logFolder}/`));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // As with textOf.
    return "";
  }
}
