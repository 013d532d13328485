/**
 * Removes all that Homeplane keeps in a data dir, and nothing else: in the package from npm the tasks' Python lies in the same folder. What is to go
 * is marked first, so that a reset that was cut short is finished by the next start, which would otherwise find halves that do not fit.
 */
import { existsSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { dataDirPaths, type DataDirPaths } from "../up/data-dir.ts";
import { takeLock } from "../up/lock.ts";
import { type Contents, contentsOf } from "./contents.ts";

const markOf = (paths: DataDirPaths): string => join(paths.root, "reset.pending");

/** The names below the data dir that are Homeplane's; not the lock, which holds others off meanwhile. */
function ownNames(paths: DataDirPaths): readonly string[] {
  const { root, lock: _lock, ...rest } = paths;
  return Object.values(rest).map((path) => relative(root, path));
}

/** `undefined` when there is nothing to reset. Fails with AlreadyRunning. */
export async function resettable(dataDir: string): Promise<Contents | undefined> {
  const paths = dataDirPaths(dataDir);
  // Every start makes it, and no other program does: whoever mistypes --data-dir loses nothing.
  if (!existsSync(`${paths.lock}.lock`)) return undefined;
  await (await takeLock(paths.lock, dataDir))();
  return await contentsOf(paths);
}

export async function reset(dataDir: string): Promise<void> {
  const paths = dataDirPaths(dataDir);
  const unlock = await takeLock(paths.lock, dataDir);
  try {
    await writeFile(markOf(paths), "");
    await removeAll(paths);
  } finally {
    await unlock();
  }
}

/** Ends what a reset has begun; the caller holds the lock. */
export async function finishReset(paths: DataDirPaths): Promise<void> {
  const entries = await readdir(paths.root);
  if (entries.includes("reset.pending")) await removeAll(paths);
}

async function removeAll(paths: DataDirPaths): Promise<void> {
  const own = ownNames(paths);
  // Also what SQLite keeps beside a database, and a temporary file that a kill left: "control-plane.db-wal", "env.1234.tmp".
  const isOwn = (name: string): boolean =>
    own.some((each) => name === each || name.startsWith(`${each}-`) || name.startsWith(`${each}.`));
  for (const name of await readdir(paths.root)) {
    if (isOwn(name)) await rm(join(paths.root, name), { recursive: true, force: true });
  }
  await rm(paths.log, { force: true });
  await rm(markOf(paths), { force: true });
}
