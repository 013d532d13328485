/** What homeplane takes while it does nothing. Budget: less than 1 % of a core, 200 MB resident. Linux only (proc(5)). */
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { figure, print, up, withDataDir } from "./measure.ts";

const settleMs = 5_000;
const windowMs = 10_000;
const rounds = 5;
/** USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

async function usage(pid: number): Promise<{ cpuSeconds: number; residentMB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentMB: (kilobytes * 1024) / 1e6,
  };
}

print(
  await withDataDir(async (dataDir) => {
    await (await up(dataDir)).stop();
    const homeplane = await up(dataDir);
    const pid = homeplane.child.pid ?? 0;
    await wait(settleMs);
    const cpu: number[] = [];
    const memory: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await usage(pid);
      await wait(windowMs);
      const after = await usage(pid);
      cpu.push(((after.cpuSeconds - before.cpuSeconds) / (windowMs / 1000)) * 100);
      memory.push(after.residentMB);
    }
    await homeplane.stop();
    return [figure("idle-cpu", "% of a core", cpu), figure("idle-resident", "MB", memory)];
  }),
);
