/** One homeplane per data dir. The lock names its process by pid and start time, so a reused pid is never taken for it. */
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { HomeplaneError } from "@homeplane/runtime-kit";

const maxRounds = 5;

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

/** Takes the lock; fails with AlreadyRunning when a live process has it. Resolves with what gives it back. */
export async function takeLock(path: string, dataDir: string): Promise<() => Promise<void>> {
  const content = `${process.pid} ${await startTimeOf(process.pid)}\n`;
  const own = `${path}.${process.pid}`;
  await writeFile(own, content, { mode: 0o600 });
  try {
    for (let round = 0; round < maxRounds; round++) {
      // A link takes the name with its content in one step: nobody ever sees a lock that is half written.
      if (await succeeds(link(own, path), "EEXIST")) return () => release(path, content);
      const holder = await lockHolder(path);
      if (holder !== undefined) {
        const next = `use it as it is (\`homeplane status\`), stop it with \`homeplane down\`, or choose another --data-dir`;
        throw new HomeplaneError(
          "AlreadyRunning",
          `homeplane runs already on ${dataDir} (process ${holder.pid})`,
          next,
        );
      }
      await removeStale(path, `${own}.stale`);
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new HomeplaneError(
    "AlreadyRunning",
    `another homeplane is starting on ${dataDir}`,
    "wait a moment and try again",
  );
}

/** Several may find the same stale lock: it is moved away, and what turns out to be somebody's new one is put back. */
async function removeStale(path: string, aside: string): Promise<void> {
  if (!(await succeeds(rename(path, aside), "ENOENT"))) return;
  if ((await lockHolder(aside)) !== undefined) await succeeds(link(aside, path), "EEXIST");
  await rm(aside, { force: true });
}

/** Only what is still ours. */
async function release(path: string, content: string): Promise<void> {
  const found = await readFile(path, "utf8").catch(() => "");
  if (found === content) await rm(path, { force: true });
}

/** False when it fails with that code; any other failure is thrown. */
async function succeeds(action: Promise<void>, expected: string): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === expected) return false;
    throw error;
  }
}
