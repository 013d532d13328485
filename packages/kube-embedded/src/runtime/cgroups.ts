import { readFileSync, writeFileSync } from "node:fs";
import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "@homeplane/runtime-kit";
import { isErrno, signalProcess } from "./end-processes.ts";

/** A folder of the kernel's that holds all processes of one container: nothing that a process does itself takes it out. */
export interface Cgroup {
  /** Who writes its own pid here is in. */
  readonly procs: string;
  readonly pids: () => readonly number[];
  /** Ends all at once, also those who are just being forked. */
  readonly kill: () => void;
  /** When nobody is left but who waits to be reaped. */
  readonly remove: () => Promise<void>;
}

export interface Cgroups {
  open(name: string): Promise<Cgroup | undefined>;
  /** Leaves nothing in the system, when none is left inside. */
  close(): Promise<void>;
}

const REMEMBERED = "cgroup";
const ROUNDS = 100;
const ROUND_MS = 20;

/**
 * Cgroups (version 2) of our own, below the one that we are in; undefined where that is not ours to write, as for most users
 * that came by ssh, and in containers. `dataDir` remembers where they are: another start may find itself elsewhere.
 */
export async function openCgroups(dataDir: string, mark: string, clock: Clock): Promise<Cgroups | undefined> {
  try {
    const [mounts, own] = await Promise.all([
      readFile("/proc/self/mountinfo", "utf8"),
      readFile("/proc/self/cgroup", "utf8"),
    ]);
    const mount = mounts
      .split("\n")
      .find((line) => line.includes(" - cgroup2 "))
      ?.split(" ")[4];
    const path = /^0::(.*)$/m.exec(own)?.[1];
    if (mount === undefined || path === undefined) return undefined;
    const root = join(mount, path, `homeplane-${mark}`);
    await mkdir(root, { recursive: true });
    // To move a process takes both ends.
    for (const folder of [root, join(mount, path)]) await access(join(folder, "cgroup.procs"), constants.W_OK);
    await writeFile(join(dataDir, REMEMBERED), root);
    return { open: (name) => open(join(root, name), clock), close: () => remove(root, clock) };
  } catch {
    // Read-only, not ours, or no such kernel: what belongs to a container is then found by other signs.
    return undefined;
  }
}

async function open(folder: string, clock: Clock): Promise<Cgroup | undefined> {
  try {
    await mkdir(folder, { recursive: true });
  } catch {
    return undefined;
  }
  return {
    procs: join(folder, "cgroup.procs"),
    pids: () => pidsIn(folder),
    kill: () => kill(folder),
    remove: () => remove(folder, clock),
  };
}

/** The dead stay inside until their parent has asked for them. Who is still there then is for the next start. */
async function remove(folder: string, clock: Clock): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (!isErrno(error, "EBUSY")) return;
    }
    await sleep(clock, ROUND_MS);
  }
}

function pidsIn(folder: string): readonly number[] {
  try {
    return readFileSync(join(folder, "cgroup.procs"), "latin1").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(folder: string): void {
  try {
    writeFileSync(join(folder, "cgroup.kill"), "1");
  } catch {
    // Before Linux 5.14 there is no such file: they are killed one by one.
  }
}

/** Ends whoever an earlier run over the same folder left in its cgroups, and removes these. */
export async function endCgroups(dataDir: string, clock: Clock): Promise<void> {
  let root: string;
  try {
    root = await readFile(join(dataDir, REMEMBERED), "utf8");
  } catch {
    return;
  }
  // A file of ours, but who edits it must not make us kill by it.
  if (!/\/homeplane-[0-9a-f]+$/.test(root)) return;
  for (const name of await foldersIn(root)) {
    const folder = join(root, name);
    kill(folder);
    for (let round = 0; round < ROUNDS && pidsIn(folder).length > 0; round++) {
      for (const pid of pidsIn(folder)) signalProcess(pid, "SIGKILL");
      await sleep(clock, ROUND_MS);
    }
    await remove(folder, clock);
  }
  await remove(root, clock);
}

async function foldersIn(root: string): Promise<readonly string[]> {
  try {
    return (await readdir(root, { withFileTypes: true })).filter((one) => one.isDirectory()).map((one) => one.name);
  } catch {
    return [];
  }
}
