/** Only what the command line can load is shipped: a helper that only tests import stays behind. */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { importsOf, relativeImports } from "./javascript.ts";

/** The console's page: a browser loads it, no module imports it. */
const isPage = (path: string): boolean => path.includes("/src/web/");

/** Removes all modules in these folders that `main` does not import, directly or not. Throws when one that it does is missing. */
export async function pruneModules(stage: string, folders: readonly string[], main: string): Promise<void> {
  const reached = new Set([main]);
  const missing: string[] = [];
  for (const file of reached) {
    if (!existsSync(file)) missing.push(relative(stage, file));
    else if (file.endsWith(".js")) for (const each of await ownImports(file)) reached.add(each);
  }
  if (missing.length > 0) throw new Error(`the package would not be whole, it lacks:\n  ${missing.join("\n  ")}`);
  for (const folder of folders) {
    for (const entry of await readdir(join(stage, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && file.endsWith(".js") && !reached.has(file) && !isPage(file)) await rm(file);
    }
  }
}

/** The files of the package that a module of it imports. */
async function ownImports(file: string): Promise<readonly string[]> {
  const code = await readFile(file, "utf8");
  const require = createRequire(file);
  return [
    ...relativeImports(code).map((specifier) => join(dirname(file), specifier)),
    ...importsOf(code)
      .filter((specifier) => specifier.startsWith("@homeplane/"))
      .map((specifier) => require.resolve(specifier)),
  ];
}
