import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { systemCode } from "./launch-error.mjs";

/** The first executable file of that name on a PATH. @param {string} name @param {string | undefined} path @returns {string | undefined} */
export function findProgram(name, path) {
  for (const folder of (path ?? "").split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch (error) {
      // Not here, or not for us: the next folder may have it. Anything else is worth a look.
      if (!["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes(systemCode(error) ?? "")) throw error;
    }
  }
  return undefined;
}
