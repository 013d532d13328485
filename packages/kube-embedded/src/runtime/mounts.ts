/** What a container's volumeMounts come to: which folder or which files stand at which path. */
import { chmod, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, resolve } from "node:path";
import type { Container, Volume, VolumeMount } from "@homeplane/kube";
import type { PodFolders } from "./folders.ts";
import { Unresolved } from "./references.ts";
import { type FilesContext, volumeFiles, type VolumeFile } from "./volume-files.ts";

export interface Mount {
  /** Absolute. */
  readonly target: string;
  readonly readOnly: boolean;
  /** Below the volume; empty = all of it. */
  readonly subPath: string;
  readonly source: { readonly folder: string } | { readonly files: readonly VolumeFile[] };
}

export interface MountContext extends FilesContext {
  readonly folders: PodFolders;
  /** What no mount may hide. */
  readonly python?: string;
}

/** In the order in which they are to be made: a path comes before what lies below it. Throws {@link Unresolved}. */
export async function mountsOf(container: Container, context: MountContext): Promise<readonly Mount[]> {
  const { volumes = [] } = context.pod.spec;
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const where = `volumeMount ${mount.mountPath}`;
    const volume = volumes.find(({ name }) => name === mount.name);
    if (volume === undefined) throw new Unresolved(`${where}: the pod has no volume "${mount.name}"`);
    mounts.push(await mountOf(mount, volume, where, context));
  }
  return mounts.toSorted((a, b) => a.target.split("/").length - b.target.split("/").length);
}

async function mountOf(mount: VolumeMount, volume: Volume, where: string, context: MountContext): Promise<Mount> {
  const target = resolve("/", mount.mountPath);
  const { subPath = "" } = mount;
  if (isAbsolute(subPath) || normalize(subPath).split("/").includes(".."))
    throw new Unresolved(`${where}: subPath "${subPath}" leads out of the volume`);
  if ("subPathExpr" in mount) throw new Unresolved(`${where}: subPathExpr is not supported for local processes`);
  const inTheWay = [context.folders.root, ...(context.python === undefined ? [] : [dirname(context.python)])];
  const hidden = inTheWay.find((path) => target === "/" || path === target || path.startsWith(`${target}/`));
  if (hidden !== undefined)
    throw new Unresolved(`${where}: would hide ${hidden}, which the process itself needs; mount the volume elsewhere`);
  const common = { target, readOnly: mount.readOnly === true, subPath: subPath === "" ? "" : normalize(subPath) };
  if (volume.emptyDir !== undefined)
    return { ...common, source: { folder: await emptyDir(volume, common.subPath, context) } };
  const files = await volumeFiles(volume, context);
  if (files !== undefined) return { ...common, readOnly: true, source: { files } };
  const kind = Object.keys(volume).find((key) => key !== "name") ?? "of no kind";
  throw new Unresolved(`volume ${volume.name}: ${kind} is not supported for local processes`);
}

/** One folder for all containers of the pod. Its sizeLimit is not enforced; memory as a medium is the disk. */
async function emptyDir({ name }: Volume, subPath: string, { folders }: MountContext): Promise<string> {
  const folder = folders.volume(name);
  await mkdir(join(folder, subPath), { recursive: true, mode: 0o700 });
  // As the kubelet's, which any user of the pod may write.
  await chmod(folder, 0o777);
  return folder;
}
