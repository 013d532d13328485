import { readFile } from "node:fs/promises";

/**
 * Tells whether a SIGKILL came from the kernel for want of memory. There is no cgroup per pod, but the kernel counts its kills
 * (`oom_kill` in /proc/vmstat; in memory.events of our own cgroup, where a container limits us): a count that has grown
 * explains one killed container. Linux: proc(5), cgroup-v2 "memory.events".
 */
export class OomKills {
  readonly #files: readonly string[];
  #known = 0;

  constructor(files: readonly string[] = ["/proc/vmstat", "/sys/fs/cgroup/memory.events"]) {
    this.#files = files;
  }

  /** Forgets kills that no container's end is asking about. */
  async refresh(): Promise<void> {
    this.#known = await this.#count();
  }

  /** True when there was a kill that has not explained another container's end. */
  async take(): Promise<boolean> {
    if ((await this.#count()) <= this.#known) return false;
    this.#known++;
    return true;
  }

  async #count(): Promise<number> {
    const counts = await Promise.all(this.#files.map(countIn));
    return Math.max(0, ...counts);
  }
}

async function countIn(file: string): Promise<number> {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(await readFile(file, "latin1"))?.[1] ?? 0);
  } catch {
    // Older kernels and cgroup v1 have no such file: then nothing is known of kills.
    return 0;
  }
}
