/**
 * A folder of the task's own on a real cluster: its HOME, and where its code lies. Images name users whose home the pod's numeric user may not write
 * to, and have working directories of root's. A task without a code bundle keeps its image's working directory: its code is there.
 */
import { posix } from "node:path";
import { type CodeBundle, codeBundleOf, primaryContainerName } from "@homeplane/idl";
import type { Container, Pod } from "@homeplane/kube";
import type { PodContext } from "./task.ts";

export const workVolume = "homeplane-work";
export const homeFolder = "/home/task";

export interface PlacedBundle extends CodeBundle {
  /** The primary container's working directory, on the work volume. */
  readonly workingDir: string;
  /** Where the bundle goes, at or below it. */
  readonly folder: string;
}

/** Where the bundle of a task is placed. `undefined`: it has none, or wants it where no volume of ours is. */
export function placedBundle(
  template: PodContext["template"],
  primary: Container | undefined,
): PlacedBundle | undefined {
  const bundle = codeBundleOf(template);
  if (bundle === undefined) return undefined;
  const { destination } = bundle;
  const workingDir = primary?.workingDir || (posix.isAbsolute(destination) ? posix.normalize(destination) : homeFolder);
  const folder = posix.resolve(workingDir, destination);
  const inside = folder === workingDir || folder.startsWith(`${workingDir}/`);
  return inside && workingDir !== "/" ? { ...bundle, workingDir, folder } : undefined;
}

export function workFolder(pod: Pod, ctx: PodContext): Pod {
  const { cluster } = ctx.config;
  if (cluster === undefined) return pod;
  const name = primaryContainerName(ctx.template);
  const volume = { name: workVolume, emptyDir: { sizeLimit: cluster.workSizeLimit } };
  const containers = pod.spec.containers.map((container) => {
    if (container.name !== name) return container;
    const workingDir = placedBundle(ctx.template, container)?.workingDir;
    const paths = new Set([homeFolder, ...(workingDir === undefined ? [] : [workingDir])]);
    const mounts = [...paths].map((mountPath) => ({ name: workVolume, mountPath }));
    return {
      ...container,
      ...(workingDir === undefined ? {} : { workingDir }),
      volumeMounts: [...(container.volumeMounts ?? []), ...mounts],
    };
  });
  return { ...pod, spec: { ...pod.spec, containers, volumes: [...(pod.spec.volumes ?? []), volume] } };
}
