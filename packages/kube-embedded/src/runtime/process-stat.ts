import { readdirSync, readFileSync } from "node:fs";

/** proc(5), /proc/<pid>/stat. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot; with the pid it names a process for ever (until the machine starts anew). */
  readonly startTicks: number;
  readonly residentPages: number;
}

// Positions after the process' name, which stands in parentheses and may itself hold anything.
const STATE = 0;
const PARENT = 1;
const SESSION = 3;
const START_TICKS = 19;
const RESIDENT_PAGES = 21;

/** Undefined when the process has ended, or only waits to be reaped. */
export function statOf(pid: number): ProcessStat | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === "") return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[STATE];
  if (state === undefined || state === "Z" || state === "X") return undefined;
  return {
    pid,
    parent: Number(fields[PARENT]),
    session: Number(fields[SESSION]),
    startTicks: Number(fields[START_TICKS]),
    residentPages: Number(fields[RESIDENT_PAGES]),
  };
}

export function allPids(): readonly number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** What can not be read has ended since, or belongs to somebody else: in both cases it is none of ours. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
