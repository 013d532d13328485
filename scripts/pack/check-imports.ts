import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { relativeImports } from "./javascript.ts";

/** Throws when a module imports a file that is not there: one that was left out, or that is named in a way not understood here. */
export async function checkImports(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const modules = entries.filter((entry) => entry.isFile() && /\.m?js$/.test(entry.name));
  const wrong: string[] = [];
  for (const module of modules) {
    const file = join(module.parentPath, module.name);
    const code = await readFile(file, "utf8");
    const missing = relativeImports(code).filter((specifier) => !existsSync(join(dirname(file), specifier)));
    wrong.push(...missing.map((specifier) => `${relative(folder, file)} imports ${specifier}`));
  }
  if (wrong.length > 0) throw new Error(`the package would not be whole:\n  ${wrong.join("\n  ")}`);
}
