import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes only what changed: a daemon that reads it is started again by its content. */
export async function configure(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFile(path, text);
  return path;
}
