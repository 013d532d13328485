/** Node for any architecture, from the package that the lock of tools/node names. */
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { npmCommand } from "../bootstrap/npm-command.mjs";
import { type Cache, cached } from "./cache.ts";
import type { Architecture } from "./image.ts";
import { type Layer, layerOfTree, readLayer } from "./layer.ts";
import { writePackages } from "./packages.ts";
import { runTool } from "./run-tool.ts";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
}

export async function nodeLayer(cache: Cache, root: string, architecture: Architecture): Promise<Layer> {
  const name = `node-linux-${architecture === "amd64" ? "x64" : architecture}`;
  const lock = JSON.parse(await readFile(join(root, "tools/node/package-lock.json"), "utf8")) as Lock;
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`tools/node/package-lock.json does not name ${name}`);
  const folder = await cached(cache, `node-${architecture}`, ["node", 2, name, locked], async (partial) => {
    const { file, args } = npmCommand(process.env);
    const install = "apt install npm tar";
    await runTool(file, [...args, "pack", `${name}@${locked.version}`, "--loglevel=error"], {
      cwd: partial,
      install,
      timeoutMs: 300_000,
    });
    const packed = join(partial, `${name}-${locked.version}.tgz`);
    const integrity = `sha512-${createHash("sha512")
      .update(await readFile(packed))
      .digest("base64")}`;
    if (integrity !== locked.integrity)
      throw new Error(`${name}@${locked.version} is not what the lock names: ${integrity}`);
    const tree = join(partial, "tree");
    const [bin, licence] = [join(tree, "usr/local/bin"), join(tree, "usr/share/doc/node")];
    for (const each of [bin, licence]) await mkdir(each, { recursive: true });
    await runTool("tar", ["-xzf", packed, "-C", bin, "--strip-components=2", "package/bin/node"], { install });
    await runTool("tar", ["-xzf", packed, "-C", licence, "--strip-components=1", "package/LICENSE"], { install });
    await chmod(join(bin, "node"), 0o755);
    await writePackages(partial, [{ ecosystem: "npm", name, version: locked.version, licence: "MIT" }]);
    await layerOfTree(tree, partial);
    for (const each of [packed, tree]) await rm(each, { recursive: true });
  });
  return readLayer(folder);
}
