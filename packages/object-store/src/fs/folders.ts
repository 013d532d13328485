import { mkdir, rename, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, lstatIfPresent } from "./errno.ts";
import { displacedPath } from "./key-path.ts";

/**
 * Makes the folder `path` below `top`. An object in the way (`a`, when `a/b` is written) steps aside by one atomic rename,
 * so that it is found at each moment under one of its two names.
 */
export async function makeFolder(top: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (errnoOf(error) !== "ENOTDIR" && errnoOf(error) !== "EEXIST") throw error;
    for (let above = path; above !== top && above !== dirname(above); above = dirname(above)) {
      if ((await lstatIfPresent(above))?.isFile()) await rename(above, displacedPath(above));
    }
    await mkdir(path, { recursive: true });
  }
}

/** Removes `path` and the folders above it, up to `top`, as long as they are empty. */
export async function removeEmptyFolders(top: string, path: string): Promise<void> {
  for (let folder = path; folder !== top && folder.startsWith(top); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") continue;
      if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(errnoOf(error) ?? "")) return;
      throw error;
    }
  }
}
