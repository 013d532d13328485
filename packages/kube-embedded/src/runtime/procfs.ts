import { readFile, readdir, readlink } from "node:fs/promises";

/** What makes a process one of a container, of a pod, or of this node. One sign is enough. */
export interface ProcessSigns {
  /** `NAME=value` in its environment; children inherit it, also past setsid(2). */
  readonly mark: string;
  /** Its stdout or stderr is a file below this folder: that finds those who cleared their environment. */
  readonly logFolder: string;
  /** Its session, that of a container's first process. */
  readonly session?: number;
}

/** As many files are read at once; a busy machine has some hundred processes. */
const AT_ONCE = 16;

/** All live processes with one of the signs, but for ourselves. Linux: proc(5). */
export async function findProcesses(signs: ProcessSigns): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (let n = 0; n < pids.length; n += AT_ONCE) {
    const some = pids.slice(n, n + AT_ONCE).filter((pid) => pid !== process.pid);
    const matches = await Promise.all(some.map((pid) => hasSign(pid, signs)));
    found.push(...some.filter((_, k) => matches[k]));
  }
  return found;
}

export async function hasSign(pid: number, signs: ProcessSigns): Promise<boolean> {
  const stat = await readOr(readFile(`/proc/${pid}/stat`, "latin1"), "");
  // `pid (name) state ppid pgrp session ...`; the name may hold anything, also ")".
  const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || state === "" || state === "Z" || state === "X") return false;
  if (signs.session !== undefined && Number(session) === signs.session) return true;
  const environ = await readOr(readFile(`/proc/${pid}/environ`, "latin1"), "");
  if (`\0${environ}`.includes(`\0${signs.mark}\0`)) return true;
  for (const fd of [1, 2]) {
    const target = await readOr(readlink(`/proc/${pid}/fd/${fd}`), "");
    if (target.startsWith(`${signs.logFolder}/`)) return true;
  }
  return false;
}

/** What can not be read has ended since, or belongs to somebody else: in both cases it is none of ours. */
async function readOr(reading: Promise<string>, otherwise: string): Promise<string> {
  try {
    return await reading;
  } catch {
    return otherwise;
  }
}
