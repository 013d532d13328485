import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, opendir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";

/**
 * `<dataDir>/pods/<uid>/work` is the containers' home and default working folder, shared by all of a pod (as an emptyDir);
 * `<dataDir>/pods/<uid>/log/<container>/` holds what they print; `volumes/<name>` is an emptyDir. In `mounts/<container>` a container's own view
 * of the files is put together; for everybody else that folder is empty.
 */
export interface PodFolders {
  readonly root: string;
  readonly work: string;
  readonly volumes: string;
  log(container: string): string;
  volume(name: string): string;
  mounts(container: string): string;
}

export function podsFolder(dataDir: string): string {
  return join(resolve(dataDir), "pods");
}

export function podFolders(dataDir: string, uid: string): PodFolders {
  const root = join(podsFolder(dataDir), safeName(uid));
  const below = (folder: string) => (name: string) => join(root, folder, safeName(name));
  const volumes = join(root, "volumes");
  return {
    root,
    work: join(root, "work"),
    volumes,
    log: below("log"),
    volume: below("volumes"),
    mounts: below("mounts"),
  };
}

/** Says which instance's processes these are; the same for each run of homeplane over one data folder. */
export function nodeMark(dataDir: string): string {
  return createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 24);
}

/** `workingDir` below the pod's own folder; `..` and a leading `/` never lead out of it. */
export function workingFolder(folders: PodFolders, workingDir: string | undefined): string {
  if (workingDir === undefined || workingDir === "") return folders.work;
  return join(folders.root, resolve("/", workingDir));
}

/** The folder anew: what an attempt that never got as far as `Running` left must not be seen by the next. */
export async function freshPodFolder(folders: PodFolders): Promise<void> {
  await removePodFolder(folders.root);
  await mkdir(folders.work, { recursive: true, mode: 0o700 });
}

export async function removeVolumes({ volumes, root }: PodFolders): Promise<void> {
  await removePodFolder(volumes);
  await removePodFolder(join(root, "mounts"));
}

/** Removes the tree; folders that a task made unreadable are opened first. */
export async function removePodFolder(root: string): Promise<void> {
  try {
    await rm(root, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  } catch {
    await openUp(root, 64);
    await rm(root, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  }
}

async function openUp(folder: string, depth: number): Promise<void> {
  if (depth === 0 || !(await lstat(folder)).isDirectory()) return;
  await chmod(folder, 0o700);
  for await (const entry of await opendir(folder)) {
    if (entry.isDirectory()) await openUp(join(folder, entry.name), depth - 1);
  }
}

/** UIDs and container names are DNS labels in a valid pod; anything else must not become a path. */
function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new Error(`not usable as a folder's name: ${JSON.stringify(name)}`);
  return name;
}
