/**
 * The door of the `homeplane` command. Loading and stripping types of some 400 modules takes longer than everything else at start, so V8's code
 * is kept on disk from start to start; it must be switched on before the first of them is loaded.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { toolsFolder } from "./tools-folder.js";

enableCompileCache(join(toolsFolder, "compile-cache"));
await import("./program.ts");
