/** One program of the cluster. It outlives the command that starts it; a later command finds it by its file, and ends nothing else. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers } from "./answers.ts";
import { identityOf, isAlive, read, remove, type Started, write } from "./started.ts";

export interface Daemon {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of files that it reads only when it starts. */
  readonly files?: readonly string[];
  /** Where it answers when it does its work; see {@link answers}. */
  readonly check: string;
  readonly readyMs?: number;
}

/** The API server finishes its open requests first; it would also wait a minute for watches that its clients never end. */
const patienceMs = 8_000;
const largestLog = 64 * 1024 ** 2;

/** Started, if it does not run as it should already; resolves when it is ready. Says whether it had to be started. */
export async function ensure(daemon: Daemon, folder: string): Promise<boolean> {
  const hash = hashOf(daemon);
  const known = read(folder, daemon.name);
  if (known !== undefined && isAlive(known)) {
    if (known.hash === hash) {
      await untilReady(daemon, folder, known);
      return false;
    }
    await end(known);
  }
  for (const pid of strays(daemon, folder)) await end({ name: daemon.name, ...identityOf(pid) });
  await untilReady(daemon, folder, await start(daemon, folder, hash));
  return true;
}

/** Whether it runs, and as it should. */
export function isCurrent(daemon: Daemon, folder: string): boolean {
  const known = read(folder, daemon.name);
  return known !== undefined && isAlive(known) && known.hash === hashOf(daemon);
}

export async function stop(folder: string, name: string): Promise<void> {
  const started = read(folder, name);
  if (started === undefined) return;
  await end(started);
  remove(folder, name);
}

export const logOf = (folder: string, name: string): string => join(folder, "logs", `${name}.log`);

async function start({ name, program, args, env, check }: Daemon, folder: string, hash: string): Promise<Started> {
  const log = logOf(folder, name);
  mkdirSync(join(folder, "logs"), { recursive: true });
  const isLarge = (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > largestLog;
  const output = openSync(log, isLarge ? "w" : "a");
  const child = spawn(program, args, {
    cwd: folder,
    // Not all that the caller has: a proxy's address would send the API server's calls to the kubelet there.
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
  const started = { name, ...identityOf(child.pid ?? 0), hash, check, at: Date.now() };
  write(folder, started);
  return started;
}

async function untilReady({ name, check, readyMs = 60_000 }: Daemon, folder: string, started: Started): Promise<void> {
  for (const last = Date.now() + readyMs; !(await answers(check)); await sleep(100)) {
    const gone = !isAlive(started);
    if (!gone && Date.now() < last) continue;
    const problem = gone ? "ended" : `did not answer at ${check} within ${readyMs / 1000} s`;
    const log = logOf(folder, name);
    throw new Error(`${name} ${problem}; the end of ${log}:\n${readFileSync(log, "utf8").slice(-2_000)}`);
  }
}

async function end(started: Pick<Started, "name" | "pid" | "started" | "boot">): Promise<void> {
  const patient = Date.now() + patienceMs;
  const last = patient + 30_000;
  for (let asked = false, forced = false; isAlive(started); await sleep(50)) {
    if (!asked) process.kill(started.pid, "SIGTERM");
    asked = true;
    if (!forced && Date.now() > patient) {
      process.kill(started.pid, "SIGKILL");
      forced = true;
    }
    if (Date.now() > last) throw new Error(`${started.name} (process ${started.pid}) does not end`);
  }
}

/** A command that was killed in the moment after it had started a program has left it without a file. */
function strays({ program, args }: Daemon, folder: string): number[] {
  const line = `${[program, ...args].join("\0")}\0`;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isStray(pid, line, folder)).map(Number);
}

function isStray(pid: string, line: string, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") === line && readlinkSync(`/proc/${pid}/cwd`) === folder;
  } catch {
    return false;
  }
}

function hashOf({ program, args, env = {}, files = [], check }: Daemon): string {
  const hash = createHash("sha256").update(JSON.stringify([realpathSync(program), args, env, check]));
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}
