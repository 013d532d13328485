/** The package.json files of the package. */
import { toJavascriptName } from "./javascript.ts";
import { type Manifest, thirdParty, type Workspace } from "./workspaces.ts";

/**
 * The package itself. The workspaces travel inside of it (bundled), the packages of others come from the registry, and Node for
 * who has another one is a package per platform of which npm installs the one that fits.
 */
export function packageManifest(root: Manifest, node: Manifest, cli: Workspace, libraries: readonly Workspace[]) {
  const bundled = libraries.map(({ manifest }) => manifest.name).sort();
  return {
    name: "homeplane",
    version: root.version,
    description: root.description,
    license: root.license,
    keywords: ["flyte", "workflow", "kubernetes"],
    type: "module",
    bin: { homeplane: "scripts/pack/homeplane.mjs" },
    engines: { node: ">=18" },
    os: ["linux"],
    dependencies: {
      ...Object.fromEntries(bundled.map((name) => [name, root.version])),
      ...thirdParty([cli, ...libraries]),
    },
    bundleDependencies: bundled,
    optionalDependencies: node.optionalDependencies,
  };
}

/** One of ours within it. Its dependencies are those of the package: listed here too, npm would look for them a second time. */
export function libraryManifest({ name, type, license, exports = {} }: Manifest, version: string) {
  const renamed = Object.entries(exports).map(([path, target]) => [path, toJavascriptName(target)]);
  return { name, version, license, type, exports: Object.fromEntries(renamed) as Record<string, string> };
}
