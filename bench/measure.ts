/** What every benchmark shares: a homeplane in a process of its own, statistics, and the form of the result. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** What is compared; "homeplane" when there is nothing beside it. */
  readonly arm: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
}

export function figure(name: string, unit: string, samples: readonly number[], arm = "homeplane"): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => round(sorted[index] ?? Number.NaN);
  return {
    name,
    unit,
    arm,
    median: at(Math.floor(sorted.length / 2)),
    min: at(0),
    max: at(sorted.length - 1),
    samples: samples.map(round),
  };
}

/** Of samples that are one figure together: the value below which `part` of them lie. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** One JSON object on standard output. Figures do not carry over between machines, so the machine is part of them. */
export function print(figures: readonly Figure[]): void {
  const [cpu] = cpus();
  const machine = {
    // What else it did: figures of a busy machine are upper bounds.
    load: loadavg().map(round),
    cpu: cpu?.model ?? "",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  process.stdout.write(`${JSON.stringify({ machine, figures }, null, 2)}\n`);
}

const main = join(import.meta.dirname, "../packages/cli/src/main.js");

export interface Started {
  readonly child: ChildProcess;
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** Starts `homeplane up` on any free ports; resolves when it says that it is ready. */
export async function up(dataDir: string): Promise<Started> {
  const begun = performance.now();
  const args = [main, "up", "--port", "0", "--data-dir", dataDir, "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(60_000) });
  const readyMs = performance.now() - begun;
  const stop = async (): Promise<void> => {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  };
  return { child, readyMs, stop };
}

export async function withDataDir<T>(body: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), "homeplane-bench-"));
  try {
    return await body(dataDir);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
