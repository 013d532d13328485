/** What the processes in our own pods take, from proc(5). */
import { setTimeout as wait } from "node:timers/promises";
import { componentPids } from "./cluster.ts";
import { type Figure, figure } from "./measure.ts";
import { cpuSecondsOf, pssMiB } from "./usage.ts";

/** After a start, and after work: memory is given back when ten seconds were quiet. */
const settleMs = 45_000;
const windowMs = 12_000;
const rounds = 5;

export async function idleComponents(name: string): Promise<Figure[]> {
  await wait(settleMs);
  const figures: Figure[] = [];
  for (const [arm, isDataPlane] of [
    ["data plane", true],
    ["control plane", false],
  ] as const) {
    const pids = await componentPids(isDataPlane);
    const sum = async (of: (pid: number) => Promise<number>): Promise<number> =>
      (await Promise.all([...pids.values()].map(of))).reduce((total, each) => total + each, 0);
    const [memory, cpu]: [number[], number[]] = [[], []];
    const own = new Map([...pids.keys()].map((component) => [component, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      const before = await sum(cpuSecondsOf);
      await wait(windowMs);
      cpu.push((((await sum(cpuSecondsOf)) - before) / (windowMs / 1000)) * 100);
      memory.push(await sum(pssMiB));
      for (const [component, pid] of pids) own.get(component)?.push(await pssMiB(pid));
    }
    figures.push(figure(`${name}-memory`, "MiB PSS", memory, arm), figure(`${name}-cpu`, "% of a core", cpu, arm));
    for (const [component, samples] of own) figures.push(figure(`${name}-memory`, "MiB PSS", samples, component));
  }
  return figures;
}
