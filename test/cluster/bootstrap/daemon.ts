/**
 * One program of the cluster. It outlives the command that starts it, so a file keeps which process it is: pid, start time and boot tell a reused
 * pid apart. Nothing but a process of such a file is ever ended.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Daemon {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of files that it reads only when it starts. */
  readonly files?: readonly string[];
  readonly ready: () => Promise<boolean>;
  readonly readyMs?: number;
}

interface Record_ {
  readonly name: string;
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
  readonly hash: string;
  readonly at: number;
}

/** The API server finishes its open requests first. */
const patienceMs = 30_000;

/** Started, if it does not run as it should already; resolves when it is ready. Says whether it had to be started. */
export async function ensure(daemon: Daemon, folder: string): Promise<boolean> {
  const hash = hashOf(daemon);
  const known = recordOf(folder, daemon.name);
  if (known !== undefined && isAlive(known)) {
    if (known.hash === hash) {
      await untilReady(daemon, folder, known);
      return false;
    }
    await end(known);
  }
  await untilReady(daemon, folder, await start(daemon, folder, hash));
  return true;
}

async function start({ name, program, args, env }: Daemon, folder: string, hash: string): Promise<Record_> {
  for (const sub of ["processes", "logs"]) await mkdir(join(folder, sub), { recursive: true });
  const output = openSync(join(folder, "logs", `${name}.log`), "a");
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
  const pid = child.pid ?? 0;
  const record = { name, pid, started: startOf(pid), boot: bootId(), hash, at: Date.now() };
  const file = join(folder, "processes", `${name}.json`);
  await writeFile(`${file}.new`, JSON.stringify(record));
  await rename(`${file}.new`, file);
  return record;
}

async function untilReady({ name, ready, readyMs = 60_000 }: Daemon, folder: string, record: Record_): Promise<void> {
  const last = Date.now() + readyMs;
  const log = join(folder, "logs", `${name}.log`);
  while (!(await ready().catch(() => false))) {
    const gone = !isAlive(record);
    if (gone || Date.now() > last) {
      const problem = gone ? "ended" : `was not ready within ${readyMs / 1000} s`;
      throw new Error(`${name} ${problem}; the end of ${log}:\n${readFileSync(log, "utf8").slice(-2_000)}`);
    }
    await sleep(100);
  }
}

/** All that were ever started and not stopped, the last first. */
export function records(folder: string): Record_[] {
  let names: string[];
  try {
    names = readdirSync(join(folder, "processes")).filter((file) => file.endsWith(".json"));
  } catch {
    return [];
  }
  const found = names.flatMap((file) => recordOf(folder, file.slice(0, -".json".length)) ?? []);
  return found.sort((a, b) => b.at - a.at);
}

export async function stop(folder: string, name: string): Promise<void> {
  const record = recordOf(folder, name);
  if (record === undefined) return;
  await end(record);
  rmSync(join(folder, "processes", `${name}.json`), { force: true });
}

async function end(record: Record_): Promise<void> {
  const last = Date.now() + patienceMs;
  for (let signal: NodeJS.Signals | undefined = "SIGTERM"; isAlive(record); ) {
    if (Date.now() > last) signal = "SIGKILL";
    if (signal !== undefined) process.kill(record.pid, signal);
    signal = undefined;
    await sleep(50);
    if (Date.now() > last + patienceMs) throw new Error(`${record.name} (process ${record.pid}) does not end`);
  }
}

export const isAlive = ({ pid, started, boot }: Record_): boolean =>
  boot === bootId() && started !== "" && startOf(pid) === started;

function recordOf(folder: string, name: string): Record_ | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "processes", `${name}.json`), "utf8")) as Record_;
  } catch {
    return undefined;
  }
}

function hashOf({ program, args, env = {}, files = [] }: Daemon): string {
  const hash = createHash("sha256").update(JSON.stringify([program, args, env]));
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** In clock ticks since boot; "" when there is no such process. See proc_pid_stat(5), field 22. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
