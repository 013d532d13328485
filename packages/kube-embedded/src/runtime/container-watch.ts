import type { Clock } from "@homeplane/runtime-kit";
import { allPids, type ProcessStat, statOf, textOf } from "./process-stat.ts";

/** How often memory is looked at. What is taken faster than that goes over the limit for so long. */
const TICK_MS = 100;
/** Each so many ticks all processes of the machine are looked through for children of ours: 12 ms for 120 of them. */
const FAMILY_TICKS = 3;
const PAGE_BYTES = 4096;

export interface Watched {
  readonly pid: number;
  /** Whoever is known to be the container's; absent: found by descent. */
  readonly known?: () => readonly number[];
  readonly limitBytes?: number;
  /** Called once, when more than `limitBytes` is in use. */
  readonly over: (usedBytes: number) => void;
}

interface Entry extends Watched {
  /** By pid, with the time of its start. */
  readonly family: Map<number, number>;
  told: boolean;
}

/**
 * Looks at the processes of running containers: how much memory they take together, and who descends from whom, for as long as
 * their parents live to show it. Stands still when nothing has to be looked at.
 */
export class ContainerWatch {
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();
  #ticks = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `pids` are those of the container that still live. */
  add(watched: Watched): { readonly pids: () => readonly number[]; readonly remove: () => void } {
    const start = statOf(watched.pid)?.startTicks;
    const family = new Map(start === undefined ? [] : [[watched.pid, start]]);
    const entry: Entry = { ...watched, family, told: false };
    if (watched.known === undefined || watched.limitBytes !== undefined) {
      this.#entries.add(entry);
      this.#schedule();
    }
    return { pids: () => livePids(entry), remove: () => void this.#entries.delete(entry) };
  }

  #schedule(): void {
    if (this.#cancel !== undefined || this.#entries.size === 0) return;
    this.#cancel = this.#clock.after(TICK_MS, () => {
      this.#cancel = undefined;
      if (++this.#ticks % FAMILY_TICKS === 1) this.#lookForChildren();
      for (const entry of this.#entries) checkMemory(entry);
      this.#schedule();
    });
  }

  #lookForChildren(): void {
    const entries = [...this.#entries].filter((entry) => entry.known === undefined);
    if (entries.length === 0) return;
    const children = new Map<number, ProcessStat[]>();
    for (const pid of allPids()) {
      const stat = statOf(pid);
      if (stat === undefined) continue;
      const siblings = children.get(stat.parent);
      if (siblings === undefined) children.set(stat.parent, [stat]);
      else siblings.push(stat);
    }
    for (const { family } of entries) {
      for (const [pid, start] of family) if (statOf(pid)?.startTicks !== start) family.delete(pid);
      // A map gives what is added to it while it is gone through: the children's children too.
      for (const pid of family.keys())
        for (const { pid: child, startTicks } of children.get(pid) ?? []) family.set(child, startTicks);
    }
  }
}

function livePids({ known, family }: Entry): readonly number[] {
  if (known !== undefined) return known();
  return [...family].filter(([pid, start]) => statOf(pid)?.startTicks === start).map(([pid]) => pid);
}

function checkMemory(entry: Entry): void {
  const { limitBytes, told } = entry;
  if (limitBytes === undefined || told) return;
  const pids = livePids(entry);
  const resident = pids.reduce((sum, pid) => sum + (statOf(pid)?.residentPages ?? 0) * PAGE_BYTES, 0);
  if (resident <= limitBytes) return;
  // Forked processes share pages, which each of them counts as its own: only the proportional sum is what they take.
  const used = pids.reduce((sum, pid) => sum + proportionalBytes(pid), 0);
  if (used <= limitBytes) return;
  entry.told = true;
  entry.over(used);
}

/** proc(5), smaps_rollup: memory and swap, each shared page divided by those who share it. */
function proportionalBytes(pid: number): number {
  const rollup = textOf(`/proc/${pid}/smaps_rollup`);
  if (rollup === "") return (statOf(pid)?.residentPages ?? 0) * PAGE_BYTES;
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
  return (kib("Pss") + kib("SwapPss")) * 1024;
}
