/** What a process takes, from proc(5): Linux only. */
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { type Figure, figure, type Started } from "./measure.ts";

const windowMs = 10_000;
const rounds = 5;
/** USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory; what several processes share is divided among them. */
export async function pssMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}

async function usage(pid: number): Promise<{ cpuSeconds: number; residentMB: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return {
    cpuSeconds: await cpuSecondsOf(pid),
    residentMB: (kilobytes * 1024) / 1e6,
  };
}

/** Watches it for a while in which nothing happens. */
export async function idleFigures({ child }: Started, name: string): Promise<Figure[]> {
  const pid = child.pid ?? 0;
  const cpu: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = await usage(pid);
    await wait(windowMs);
    const after = await usage(pid);
    cpu.push(((after.cpuSeconds - before.cpuSeconds) / (windowMs / 1000)) * 100);
    memory.push(after.residentMB);
  }
  return [figure(`${name}-cpu`, "% of a core", cpu), figure(`${name}-resident`, "MB", memory)];
}
