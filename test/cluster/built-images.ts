/** The images of this very checkout, in the test cluster's registry: packed when something has changed, by digest. */
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { buildImages } from "../../scripts/images/build-images.ts";
import { imageCacheFolder } from "../../scripts/images/cache.ts";
import type { ClusterEnvironment } from "./real-cluster.ts";

export type ImageName = "homeplane" | "task";

/**
 * Without names, all. `homeplane`, and `task-<version of flyte>`, which is also what the SDK's default image is pulled as.
 * Cold about three minutes, then seconds.
 */
export function builtImages(
  { registry }: ClusterEnvironment,
  ...names: ImageName[]
): Promise<Readonly<Record<string, string>>> {
  return buildImages({
    root: join(import.meta.dirname, "../.."),
    cacheFolder: imageCacheFolder(process.env),
    version: manifest.version,
    names,
    push: `http://${registry}`,
    archive: false,
    say: (text) => void process.stderr.write(`images: ${text}\n`),
  });
}
