/** The file of a program that was started: which process it is, by pid, start time and boot, that tell a reused pid apart. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Started {
  readonly name: string;
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly started: string;
  readonly boot: string;
  /** Of how it was started: it is started anew when that has changed. */
  readonly hash: string;
  /** Where it answers when it does its work. */
  readonly check: string;
  /** When, to stop the last first. */
  readonly at: number;
}

const fileOf = (folder: string, name: string): string => join(folder, "processes", `${name}.json`);

export const identityOf = (pid: number): Pick<Started, "pid" | "started" | "boot"> => ({
  pid,
  started: startOf(pid),
  boot: bootId(),
});

export const isAlive = ({ pid, started, boot }: Pick<Started, "pid" | "started" | "boot">): boolean =>
  boot === bootId() && started !== "" && startOf(pid) === started;

export function write(folder: string, started: Started): void {
  const file = fileOf(folder, started.name);
  mkdirSync(join(folder, "processes"), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(started));
  renameSync(`${file}.new`, file);
}

export function read(folder: string, name: string): Started | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(folder, name), "utf8")) as Started;
  } catch {
    // Not there, or cut off by a power failure: then its process is gone too.
    return undefined;
  }
}

export const remove = (folder: string, name: string): void => rmSync(fileOf(folder, name), { force: true });

/** All that were started and not stopped, the last first. */
export function readAll(folder: string): Started[] {
  let files: string[];
  try {
    files = readdirSync(join(folder, "processes")).filter((file) => file.endsWith(".json"));
  } catch {
    return [];
  }
  const found = files.flatMap((file) => read(folder, file.slice(0, -".json".length)) ?? []);
  return found.sort((a, b) => b.at - a.at);
}

const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** "" when there is no such process. See proc_pid_stat(5), field 22. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name, may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
