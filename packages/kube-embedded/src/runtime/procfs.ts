import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

/**
 * What makes a process one of a container, of a pod, or of this node. One sign is enough. A process that gave up all of them
 * (environment, session and output) is not found.
 */
export interface ProcessSigns {
  /** `NAME=value` in its environment; children inherit it, also past setsid(2). */
  readonly mark: string;
  /** Its stdout or stderr is a file below this folder: that finds those who cleared their environment, but kept their output. */
  readonly logFolder: string;
  /** Its session, that of a container's first process. */
  readonly session?: number;
  /** Those who started earlier, in clock ticks since boot, are not even looked at: they can not be the container's. */
  readonly sinceTicks?: number;
}

/** As many processes are looked at before others get their turn: about 2 ms. */
const AT_ONCE = 64;

/**
 * All live processes with one of the signs, but for ourselves. Linux: proc(5). Reads without waiting: these files are made up by
 * the kernel on the spot, and a trip to the thread pool costs ten times the read.
 */
export async function findProcesses(signs: ProcessSigns): Promise<readonly number[]> {
  const found: number[] = [];
  let looked = 0;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (hasSign(pid, signs)) found.push(pid);
    if (++looked % AT_ONCE === 0) await setImmediate();
  }
  return found;
}

export function hasSign(pid: number, signs: ProcessSigns): boolean {
  const fields = statFields(pid);
  const state = fields[STATE];
  if (state === undefined || state === "Z" || state === "X") return false;
  if (signs.sinceTicks !== undefined && Number(fields[START_TICKS]) < signs.sinceTicks) return false;
  if (signs.session !== undefined && Number(fields[SESSION]) === signs.session) return true;
  const environ = orNothing(() => readFileSync(`/proc/${pid}/environ`, "latin1"));
  if (`\0${environ}`.includes(`\0${signs.mark}\0`)) return true;
  return [1, 2].some((fd) => orNothing(() => readlinkSync(`/proc/${pid}/fd/${fd}`)).startsWith(`${signs.logFolder}/`));
}

/** When the process started, in clock ticks since boot; undefined when it has gone. */
export function startTicks(pid: number): number | undefined {
  const ticks = Number(statFields(pid)[START_TICKS]);
  return Number.isInteger(ticks) ? ticks : undefined;
}

// Positions after the process' name, which stands in parentheses and may itself hold anything.
const STATE = 0;
const SESSION = 3;
const START_TICKS = 19;

function statFields(pid: number): readonly string[] {
  const stat = orNothing(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return stat === "" ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** What can not be read has ended since, or belongs to somebody else: in both cases it is none of ours. */
function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
