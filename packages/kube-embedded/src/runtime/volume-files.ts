/** The volumes whose files come from the API, as a kubelet writes them (API reference, Volume v1 core). */
import { isAbsolute, normalize } from "node:path";
import type { KeyToPath, ProjectedSource, Volume } from "@homeplane/kube";
import type { PodView } from "./pod-view.ts";
import { type DataKind, fieldOf, readAll, type References, Unresolved } from "./references.ts";

export interface VolumeFile {
  /** Below the volume. */
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

export interface FilesContext {
  readonly pod: PodView;
  readonly references: References;
  readonly nodeName: string;
}

const DEFAULT_MODE = 0o644;
/** There is no other user in a local pod: what is secret is for its owner alone, whatever the group of a real pod may read. */
const OWNER_ONLY = 0o700;

/** Undefined when the volume is of another kind. Throws {@link Unresolved}. */
export async function volumeFiles(volume: Volume, context: FilesContext): Promise<readonly VolumeFile[] | undefined> {
  const where = `volume ${volume.name}`;
  const { secret, configMap, projected, downwardAPI } = volume;
  if (secret !== undefined) {
    const { secretName: name, ...source } = secret;
    return keysAsFiles("secret", { ...source, name }, secret.defaultMode, where, context);
  }
  if (configMap !== undefined) return keysAsFiles("configMap", configMap, configMap.defaultMode, where, context);
  if (downwardAPI !== undefined) return fieldFiles(downwardAPI.items, downwardAPI.defaultMode, where, context);
  if (projected === undefined) return undefined;
  // A later source takes the place of an earlier one.
  const files = new Map<string, VolumeFile>();
  for (const source of projected.sources)
    for (const file of await projectedFiles(source, projected.defaultMode, where, context)) files.set(file.path, file);
  return [...files.values()];
}

async function projectedFiles(
  { serviceAccountToken, secret, configMap, downwardAPI }: ProjectedSource,
  mode: number | undefined,
  where: string,
  context: FilesContext,
): Promise<readonly VolumeFile[]> {
  if (secret !== undefined) return keysAsFiles("secret", secret, mode, where, context);
  if (configMap !== undefined) return keysAsFiles("configMap", configMap, mode, where, context);
  if (downwardAPI !== undefined) return fieldFiles(downwardAPI.items, mode, where, context);
  if (serviceAccountToken === undefined)
    throw new Unresolved(`${where}: a projected source of this kind is not supported for local processes`);
  const { path, audience, expirationSeconds } = serviceAccountToken;
  const token = await context.references.token(context.pod, audience, expirationSeconds);
  return [{ path: checked(path, where), mode: 0o600, content: Buffer.from(token) }];
}

interface Keys {
  readonly name: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

async function keysAsFiles(
  kind: DataKind,
  source: Keys,
  defaultMode: number | undefined,
  where: string,
  { references, pod }: FilesContext,
): Promise<readonly VolumeFile[]> {
  const data = await readAll(references, kind, pod.namespace, source, where);
  const items = source.items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  const mask = kind === "secret" ? OWNER_ONLY : 0o777;
  return items.flatMap(({ key, path, mode }) => {
    const content = data.get(key);
    if (content !== undefined)
      return [{ path: checked(path, where), mode: (mode ?? defaultMode ?? DEFAULT_MODE) & mask, content }];
    if (source.optional === true) return [];
    throw new Unresolved(`${where}: key "${key}" of ${kind} "${source.name}" not found`);
  });
}

function fieldFiles(
  items: NonNullable<Volume["downwardAPI"]>["items"] = [],
  defaultMode: number | undefined,
  where: string,
  { pod, nodeName }: FilesContext,
): readonly VolumeFile[] {
  return items.map(({ path, fieldRef, mode }) => {
    if (fieldRef === undefined)
      throw new Unresolved(`${where}: ${path}: only fieldRef is supported for local processes`);
    const content = Buffer.from(fieldOf(pod, fieldRef.fieldPath, nodeName, true));
    return { path: checked(path, where), mode: mode ?? defaultMode ?? DEFAULT_MODE, content };
  });
}

/** A path that stays below the volume. */
function checked(path: string, where: string): string {
  const clean = normalize(path);
  if (path === "" || isAbsolute(path) || clean === "." || clean.split("/").includes(".."))
    throw new Unresolved(`${where}: "${path}" is no path below the volume`);
  return clean;
}
