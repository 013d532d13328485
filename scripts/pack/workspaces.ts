/** What the command line needs: workspace packages, and the packages of others with their exact versions. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly license: string;
  readonly description?: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
}

export const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

/** By package name. */
export async function readWorkspaces(packages: string): Promise<ReadonlyMap<string, Workspace>> {
  const folders = (await readdir(packages)).map((name) => join(packages, name));
  const all = await Promise.all(folders.map(async (folder) => ({ folder, manifest: await readManifest(folder) })));
  return new Map(all.map((workspace) => [workspace.manifest.name, workspace]));
}

/** A workspace and all that it depends on, directly or not; itself first. */
export function closureOf(name: string, workspaces: ReadonlyMap<string, Workspace>): readonly Workspace[] {
  const found = new Set([name]);
  // A set hands out what is added to it while it is walked through.
  for (const each of found) {
    const needs = Object.keys(workspaces.get(each)?.manifest.dependencies ?? {});
    for (const need of needs) if (workspaces.has(need)) found.add(need);
  }
  return [...found].flatMap((each) => workspaces.get(each) ?? []);
}

/** The packages of others, sorted by name. Throws when two workspaces disagree on a version or one leaves it open. */
export function thirdParty(workspaces: readonly Workspace[]): Readonly<Record<string, string>> {
  const own = new Set(workspaces.map(({ manifest }) => manifest.name));
  const versions = new Map<string, string>();
  for (const { manifest } of workspaces) {
    for (const [name, version] of Object.entries(manifest.dependencies ?? {})) {
      if (own.has(name)) continue;
      const other = versions.get(name) ?? version;
      if (other !== version) throw new Error(`${manifest.name} wants ${name} ${version}, another package ${other}`);
      if (!/^\d+\.\d+\.\d+[\w.+-]*$/.test(version))
        throw new Error(`${manifest.name}: ${name} ${version} is not exact`);
      versions.set(name, version);
    }
  }
  return Object.fromEntries([...versions].sort(([a], [b]) => (a < b ? -1 : 1)));
}
