/** An image as files: an archive in the OCI image layout, which docker, podman, skopeo, crane and `ctr images import` read. */
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Image } from "./image.ts";
import { runTool } from "./run-tool.ts";

/** `name` is the full reference that it is known by once loaded. */
export async function writeArchive({ root, manifests, blobs }: Image, name: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = await mkdtemp(join(dirname(file), "partial-"));
  try {
    const tree = join(partial, "tree");
    const place = (digest: string): string => join(tree, "blobs", digest.replace(":", "/"));
    await mkdir(join(tree, "blobs/sha256"), { recursive: true });
    for (const blob of [...blobs, ...manifests]) {
      await ("bytes" in blob ? writeFile(place(blob.digest), blob.bytes) : copyFile(blob.file, place(blob.digest)));
    }
    await writeFile(join(tree, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    const annotations = {
      "io.containerd.image.name": name,
      "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
    };
    await writeFile(
      join(tree, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...root, annotations }] }),
    );
    const tar = join(partial, "image.tar");
    await runTool("tar", ["--sort=name", "-cf", tar, "-C", tree, "."], { install: "apt install tar" });
    await rename(tar, file);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
