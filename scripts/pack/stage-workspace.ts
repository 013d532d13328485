import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { toJavascript, toJavascriptName } from "./javascript.ts";

/** Tests, declarations and what else is only for those who work on the sources. */
const isLeftOut = (path: string): boolean =>
  /\.(test|d)\.[jt]s$/.test(path) || /(^|\/)((testing|__snapshots__)\/|tsconfig\.json$)/.test(path);

/** Copies a workspace's sources: modules as JavaScript, everything else (the console's page, JSON) as it is. */
export async function stageWorkspace(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const from = join(entry.parentPath, entry.name);
    const path = from.slice(source.length + 1);
    if (isLeftOut(path)) continue;
    const to = join(target, toJavascriptName(path));
    await mkdir(dirname(to), { recursive: true });
    if ([".ts", ".js"].includes(extname(path))) await writeFile(to, toJavascript(path, await readFile(from, "utf8")));
    else await copyFile(from, to);
  }
}
