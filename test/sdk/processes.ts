import { readdir, readFile } from "node:fs/promises";

/** Pids of all processes whose environment names this run. proc(5). */
export async function processesOf(run: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    // A process may end while it is looked at, or belong to somebody else.
    const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environ.split("\0").includes(`RUN_NAME=${run}`)) found.push(pid);
  }
  return found;
}
