/**
 * Lays the package out:
 *
 *   scripts/, packages/cli/, examples/, tools/   as in a checkout; scripts/ holds the door, the set-up and the doctor, for any Node from 18 on
 *   node_modules/@homeplane/<name>/              the other workspaces
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { relativeImports } from "./javascript.ts";
import { libraryManifest, packageManifest } from "./manifests.ts";
import { pruneModules } from "./prune-modules.ts";
import { stageWorkspace } from "./stage-workspace.ts";
import { closureOf, readManifest, readWorkspaces } from "./workspaces.ts";

const door = fileURLToPath(import.meta.resolve("./homeplane.mjs"));

/** From the root of the checkout, to the same place. */
const asIs = ["LICENSE", "examples/hello.py", "tools/python/requirements.lock"];

/** Returns the name and version of what was laid out in `stage`, which must not exist. */
export async function stagePackage(root: string, stage: string): Promise<{ name: string; version: string }> {
  const [own, node, workspaces] = await Promise.all([
    readManifest(root),
    readManifest(join(root, "tools/node")),
    readWorkspaces(join(root, "packages")),
  ]);
  const [cli, ...libraries] = closureOf("@homeplane/cli", workspaces);
  if (cli === undefined) throw new Error("packages/cli is missing");
  const manifest = packageManifest(own, node, cli, libraries);
  await writeJson(join(stage, "package.json"), manifest);
  await copy(join(root, "scripts/pack/package-readme.md"), join(stage, "README.md"));
  for (const file of asIs) await copy(join(root, file), join(stage, file));
  for (const file of await modulesFrom(door)) await copy(file, join(stage, relative(root, file)));
  const all = [cli, ...libraries].map((workspace) => ({
    workspace,
    inside: workspace === cli ? relative(root, cli.folder) : join("node_modules", workspace.manifest.name),
  }));
  for (const { workspace, inside } of all) {
    await writeJson(join(stage, inside, "package.json"), libraryManifest(workspace.manifest, own.version));
    await stageWorkspace(join(workspace.folder, "src"), join(stage, inside, "src"));
  }
  const folders = all.map(({ inside }) => inside);
  await pruneModules(stage, folders, join(stage, relative(root, cli.folder), "src/main.js"));
  return manifest;
}

/** A module and all that it imports by relative path. */
async function modulesFrom(first: string): Promise<ReadonlySet<string>> {
  const found = new Set([first]);
  for (const file of found) {
    const imports = relativeImports(await readFile(file, "utf8"));
    for (const specifier of imports) found.add(join(dirname(file), specifier));
  }
  return found;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}
