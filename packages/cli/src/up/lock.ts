/** One homeplane per data dir. Who it is stands in a file, by pid and start time, so that a reused pid is never taken for it. */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { HomeplaneError } from "@homeplane/runtime-kit";

/** https://www.sqlite.org/rescode.html#busy */
const sqliteBusy = 5;

export interface Holder {
  readonly pid: number;
  readonly startTime: string;
}

/**
 * Clock ticks since boot at which the process started; `undefined` when there is none, or only what its parent has not waited for yet.
 * proc(5), /proc/pid/stat, fields 3 and 22.
 */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** The live process that holds the lock. */
export async function lockHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const match = /^(\d+) (\d+)\n$/.exec(text);
  if (match === null) return undefined;
  const [, pid = "", startTime = ""] = match;
  return (await startTimeOf(Number(pid))) === startTime ? { pid: Number(pid), startTime } : undefined;
}

/**
 * Takes the lock; fails with AlreadyRunning when a live process has it. Resolves with what gives it back. The lock is SQLite's on a database that stays
 * empty: the system drops it with its process, so there are no stale ones. The file at `path` only tells others who has it.
 */
export async function takeLock(path: string, dataDir: string): Promise<() => Promise<void>> {
  const database = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    const holder = await lockHolder(path);
    const who = holder === undefined ? "another process" : `process ${holder.pid}`;
    const next = "use it as it is (`homeplane status`), stop it with `homeplane down`, or choose another --data-dir";
    throw new HomeplaneError("AlreadyRunning", `homeplane runs already on ${dataDir} (${who})`, next, { cause: error });
  }
  const release = async (): Promise<void> => {
    await rm(path, { force: true });
    database.close();
  };
  try {
    const temporary = `${path}.tmp`;
    await writeFile(temporary, `${process.pid} ${await startTimeOf(process.pid)}\n`, { mode: 0o600 });
    await rename(temporary, path);
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}
