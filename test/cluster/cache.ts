import { homedir } from "node:os";
import { join } from "node:path";

/** Where built programs are kept: outside of the repository, so that every checkout uses the same ones. */
export const cacheFolder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "homeplane/test-cluster");
