/** Mounts where a process can have no view of the files of its own: an emptyDir at its working folder is found there by relative paths. */
import { lstat, mkdir, readlink, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isErrno } from "./end-processes.ts";
import { type PodFolders, workingFolder } from "./folders.ts";
import type { Mount } from "./mounts.ts";

export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** False, and nothing is done, when one of the mounts needs more than that. */
export async function linkMounts(
  mounts: readonly Mount[],
  workingDir: string | undefined,
  folders: PodFolders,
): Promise<boolean> {
  if (workingDir === undefined || workingDir === "") return false;
  const cwd = resolve("/", workingDir);
  const links: { readonly at: string; readonly to: string }[] = [];
  for (const { target, source, readOnly, subPath } of mounts) {
    const fits = "folder" in source && !readOnly && (isBelow(cwd, target) || isBelow(target, cwd));
    const at = workingFolder(folders, target);
    if (!fits) return false;
    const to = join(source.folder, subPath);
    const has = await linkAt(at);
    if (has === "something else" || (has !== undefined && has !== to)) return false;
    // Another container of the pod may have made it.
    if (has === undefined) links.push({ at, to });
  }
  for (const { at, to } of links) {
    await mkdir(dirname(at), { recursive: true, mode: 0o700 });
    await symlink(to, at);
  }
  return true;
}

async function linkAt(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : "something else";
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
