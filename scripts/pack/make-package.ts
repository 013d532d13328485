import { execFile } from "node:child_process";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { npmCommand } from "../bootstrap/npm-command.mjs";
import { stagePackage } from "./stage-package.ts";

/** npm reads and compresses some 3 MB; longer than this, it hangs. */
const longestMs = 60_000;

/** Writes `homeplane-<version>.tgz` into an existing folder, whole or not at all, and returns its path. */
export async function makePackage(root: string, folder: string): Promise<string> {
  const temporary = await mkdtemp(join(tmpdir(), "homeplane-pack-"));
  try {
    const stage = join(temporary, "package");
    const { name, version } = await stagePackage(root, stage);
    const { file, args } = npmCommand(process.env);
    // Beside its final place: a rename does not cross file systems.
    const partial = await mkdtemp(join(folder, "partial-"));
    try {
      const options = ["--ignore-scripts", "--loglevel=error", `--pack-destination=${partial}`];
      await promisify(execFile)(file, [...args, "pack", ...options], { cwd: stage, timeout: longestMs });
      const tarball = `${name}-${version}.tgz`;
      await rename(join(partial, tarball), join(folder, tarball));
      return join(folder, tarball);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
