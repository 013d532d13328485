/**
 * The programs of the images. What they read beside their code lies at the same place below `folder` as in a checkout:
 *
 *   homeplane.mjs, homeplane-*.mjs          the command, and the parts that it loads when a component needs them
 *   fetch-bundle.mjs                        what a task pod's init container runs
 *   packages/, examples/, node_modules/     the files that modules of the command open (see `assets`)
 *   third-party-licences.txt                of the packages in it
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { placesPlugin } from "./places-plugin.ts";

export interface Bundle {
  readonly programs: readonly string[];
  /** Folders of node_modules whose code is in the programs or lies beside them, relative to the root. */
  readonly packages: readonly string[];
}

/** The task pods' own program lies with whom it serves. */
const entries = {
  homeplane: "packages/cli/src/program.ts",
  "fetch-bundle": "packages/task-gateway/src/fetch-bundle/main.ts",
  "raw-container": "packages/executor/src/raw-container/main.ts",
};

/** Files and folders that the code opens, relative to the root; tests stay behind. */
const assets = [
  "examples/hello.py",
  "packages/console/src/web",
  "packages/image-builder/src/python",
  "packages/kube-embedded/src/runtime/enter_mounts.py",
];

/** Modules of packages that the console sends to browsers as they are. */
const served = ["preact", "preact/hooks", "htm"];

/** Modules that find files by their own place; a new one must say here that its files are among `assets`. */
const readers = [
  "packages/cli/src/start/sample.ts",
  "packages/cli/src/tools-folder.js",
  "packages/console/src/assets.ts",
  "packages/image-builder/src/build-task.ts",
  "packages/kube-embedded/src/runtime/private-start.ts",
];

/** Also a program by itself where the images have Node. CommonJS packages ask for Node's own modules by `require`. */
const banner = `#!/usr/local/bin/node
import { createRequire as homeplaneRequire } from "node:module"; const require = homeplaneRequire(import.meta.url);`;

export async function makeBundle(root: string, folder: string): Promise<Bundle> {
  await mkdir(folder, { recursive: true });
  const programs: string[] = [];
  const packages = new Set<string>();
  for (const name of await readdir(folder)) if (isPart(name)) await rm(join(folder, name));
  for (const [name, entry] of Object.entries(entries)) {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: { [name]: join(root, entry) },
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      // A component's process loads a third of the code: about 10 MB of memory less than with all of it.
      splitting: true,
      chunkNames: "homeplane-[hash]",
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
      legalComments: "none",
      banner: { js: banner },
      plugins: [placesPlugin(root, readers)],
      metafile: true,
      logLevel: "error",
    });
    const outfile = join(folder, `${name}.mjs`);
    programs.push(outfile);
    for (const each of packagesOf(metafile)) packages.add(each);
  }
  for (const place of ["packages", "examples", "node_modules"]) {
    await rm(join(folder, place), { recursive: true, force: true });
  }
  for (const asset of assets) await cp(join(root, asset), join(folder, asset), { recursive: true, filter: isShipped });
  for (const specifier of served) {
    const { file, owner } = findModule(specifier, root);
    packages.add(owner);
    for (const each of [file, join(owner, "package.json"), join(owner, "LICENSE")]) {
      await cp(join(root, each), join(folder, each));
    }
  }
  const sorted = [...packages].sort();
  await writeFile(join(folder, "third-party-licences.txt"), await licencesOf(root, sorted));
  return { programs, packages: sorted };
}

/** They want their text to go where their code goes. */
async function licencesOf(root: string, packages: readonly string[]): Promise<string> {
  const texts = packages.map(async (folder) => {
    const {
      name,
      version,
      license = "",
    } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8")) as Manifest;
    const files = (await readdir(join(root, folder)))
      .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
      .sort();
    const bodies = await Promise.all(files.map((file) => readFile(join(root, folder, file), "utf8")));
    return [`${name} ${version} (${license})`, ...bodies.map((body) => body.trim())].join("\n\n");
  });
  return `${(await Promise.all(texts)).join("\n\n----\n\n")}\n`;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** Of an earlier bundle: names change with the content. */
const isPart = (name: string): boolean => /^homeplane-[A-Z0-9]+\.mjs$/.test(name);

const isShipped = (path: string): boolean => !/(?:\.test\.ts|\.d\.ts|tsconfig\.json|__pycache__)$/.test(path);

/** Where `import` finds it and the folder of its package, relative to the root. */
function findModule(specifier: string, root: string): { file: string; owner: string } {
  const file = relative(root, fileURLToPath(import.meta.resolve(specifier)));
  const owner = packageOf(file);
  if (owner === undefined) throw new Error(`${specifier} was found at ${file}, which is not below node_modules`);
  return { file, owner };
}

/** The `node_modules/<package>` folders of everything that went in, nested ones too. */
function packagesOf({ inputs }: Metafile): readonly string[] {
  return Object.keys(inputs)
    .map(packageOf)
    .filter((folder) => folder !== undefined);
}

const packageOf = (file: string): string | undefined => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
