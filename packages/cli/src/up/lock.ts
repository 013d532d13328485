/** One homeplane per data dir. The lock names its process by pid and start time, so a reused pid is never taken for it. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { HomeplaneError } from "@homeplane/runtime-kit";

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
  for (let round = 0; round < 3; round++) {
    try {
      await writeFile(path, content, { flag: "wx", mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await lockHolder(path);
    if (holder !== undefined) {
      const next = `use it as it is (\`homeplane status\`), stop it with \`homeplane down\`, or choose another --data-dir`;
      throw new HomeplaneError("AlreadyRunning", `homeplane runs already on ${dataDir} (process ${holder.pid})`, next);
    }
    await rm(path, { force: true });
  }
  throw new HomeplaneError(
    "AlreadyRunning",
    `another homeplane is starting on ${dataDir}`,
    "wait a moment and try again",
  );
}
