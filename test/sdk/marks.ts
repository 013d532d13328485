import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** How often each step has really run: a step adds a byte to the file of its name in `folder`. */
export async function countMarks(folder: string): Promise<Record<string, number>> {
  const names = await readdir(folder);
  const counts = names.map(async (name) => [name, (await readFile(join(folder, name))).length] as const);
  return Object.fromEntries(await Promise.all(counts));
}
