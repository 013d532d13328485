/** The image `homeplane`: libc, Node and the bundle. No shell, no package manager, nothing that needs to write. */
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Bundle, makeBundle } from "../bundle/make-bundle.ts";
import { type Cache, cached } from "./cache.ts";
import { unpackedBase } from "./debian.ts";
import { type Architecture, image, imageIndex, type Image, type Settings } from "./image.ts";
import { type Layer, layerOfTree, readLayer } from "./layer.ts";
import { nodeLayer } from "./node-binary.ts";
import { npmPackage, writePackages } from "./packages.ts";

/** What Node is linked with, the public roots, time zones. */
const packages = ["libc6", "libstdc++6", "libgcc-s1", "ca-certificates", "tzdata"];

/** A number, as `runAsNonRoot` wants; the one that distroless images use. */
const user = { uid: 65532, gid: 65532 };
const dataDir = "/var/lib/homeplane";

/**
 * glibc gives each of Node's eleven threads memory of its own, and keeps what they have freed: after a burst of 300 runs the data plane's processes held 385 to
 * 416 MiB together, with two arenas 366 to 376 for the same processor time (`npm run bench -- component-memory`).
 */
const memory = "MALLOC_ARENA_MAX=2";

export const architectures: readonly Architecture[] = ["amd64", "arm64"];

export async function homeplaneImage(cache: Cache, root: string, version: string): Promise<Image> {
  const [app, data] = [await appLayer(cache, root), await dataLayer(cache)];
  const images = architectures.map(async (architecture) => {
    const [base, node] = await Promise.all([
      unpackedBase(cache, packages, architecture, etc),
      nodeLayer(cache, root, architecture),
    ]);
    return image(architecture, settings(version), [base, node, data, app]);
  });
  return imageIndex(await Promise.all(images));
}

export const settings = (version: string): Settings => ({
  User: `${user.uid}:${user.gid}`,
  Env: ["PATH=/usr/local/bin", "NODE_ENV=production", `HOME=${dataDir}`, memory],
  Entrypoint: ["homeplane"],
  WorkingDir: "/",
  Labels: {
    "org.opencontainers.image.title": "homeplane",
    "org.opencontainers.image.description": "A data plane for the flyte Python SDK: all components.",
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.licenses": "Apache-2.0",
  },
});

const etc = {
  passwd:
    "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
    `homeplane:x:${user.uid}:${user.gid}:homeplane:${dataDir}:/sbin/nologin\n`,
  group: `root:x:0:\nnogroup:x:65534:\nhomeplane:x:${user.gid}:\n`,
  "nsswitch.conf": "hosts: files dns\n",
};

/** Where a volume goes. */
async function dataLayer(cache: Cache): Promise<Layer> {
  const folder = await cached(cache, "data", ["data", 1, dataDir, user], async (partial) => {
    const tree = join(partial, "tree");
    await mkdir(join(tree, dataDir), { recursive: true });
    await layerOfTree(tree, partial, user, [dataDir.slice(1)]);
    await rm(tree, { recursive: true });
  });
  return readLayer(folder);
}

async function appLayer(cache: Cache, root: string): Promise<Layer> {
  await mkdir(cache.folder, { recursive: true });
  // A build that goes on beside this one makes its own.
  const dist = await mkdtemp(join(cache.folder, "partial-bundle-"));
  try {
    return await layerOfBundle(cache, root, dist, await makeBundle(root, dist));
  } finally {
    await rm(dist, { recursive: true, force: true });
  }
}

async function layerOfBundle(cache: Cache, root: string, dist: string, { packages: folders }: Bundle): Promise<Layer> {
  const present = (await readdir(dist)).sort();
  const folder = await cached(cache, "app", ["app", 2, await digestOf(dist, present)], async (partial) => {
    const tree = join(partial, "tree");
    const app = join(tree, "app");
    for (const name of present) await cp(join(dist, name), join(app, name), { recursive: true });
    await cp(join(root, "LICENSE"), join(app, "LICENSE"));
    await chmod(join(app, "homeplane.mjs"), 0o755);
    await mkdir(join(tree, "usr/local/bin"), { recursive: true });
    await symlink("/app/homeplane.mjs", join(tree, "usr/local/bin/homeplane"));
    await writePackages(partial, await Promise.all(folders.map((each) => npmPackage(join(root, each)))));
    await layerOfTree(tree, partial);
    await rm(tree, { recursive: true });
  });
  return readLayer(folder);
}

async function digestOf(folder: string, names: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const name of names) {
    const path = join(folder, name);
    const files = /\.\w+$/.test(name)
      ? [path]
      : (await readdir(path, { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .sort();
    for (const file of files)
      hash
        .update(`${relative(folder, file)}\0`)
        .update(await readFile(file))
        .update("\0");
  }
  return hash.digest("hex");
}
