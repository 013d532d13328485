/** `npm run images -- build`: makes the images, and writes dist/images/images.json, which names each by digest. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prune } from "./cache.ts";
import { homeplaneImage } from "./homeplane.ts";
import type { Image } from "./image.ts";
import { writeArchive } from "./layout.ts";
import { push } from "./registry.ts";
import { defaultImageName, taskImages } from "./task.ts";

export interface BuildOptions {
  readonly root: string;
  readonly cacheFolder: string;
  readonly version: string;
  /** Which; none: all. */
  readonly names: readonly string[];
  readonly push: string | undefined;
  readonly archive: boolean;
  readonly say: (text: string) => void;
}

interface Named {
  /** In images.json and of the archive. */
  readonly name: string;
  /** The reference that others know it by, without the registry. */
  readonly repository: string;
  readonly tag: string;
  readonly image: Image;
}

const known = ["homeplane", "task"];

export async function buildImages({ names, say, ...options }: BuildOptions): Promise<void> {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no image "${unknown.join('", "')}"; there are ${known.join(" and ")}`);
  const registry = options.push === undefined ? undefined : registryAddress(options.push);
  // Files are packed with the modes that they get here.
  process.umask(0o022);
  const cache = { folder: options.cacheFolder, say };
  const wanted = names.length === 0 ? known : names;
  const images: Named[] = [];
  if (wanted.includes("homeplane")) {
    const image = await homeplaneImage(cache, options.root, options.version);
    images.push({ name: "homeplane", repository: "homeplane", tag: options.version, image });
  }
  if (wanted.includes("task")) {
    for (const { flyteVersion, image } of await taskImages(cache, options.root)) {
      images.push({ name: `task-${flyteVersion}`, ...defaultImageName(flyteVersion), image });
    }
  }
  const folder = join(options.root, "dist/images");
  await mkdir(folder, { recursive: true });
  const references: Record<string, string> = {};
  for (const { name, repository, tag, image } of images) {
    const bytes = image.blobs.reduce((sum, { size }) => sum + size, 0) / Math.max(1, image.manifests.length - 1);
    say(`${repository}:${tag}  ${image.root.digest}  ${(bytes / 1e6).toFixed(1)} MB compressed`);
    references[name] = `${repository}@${image.root.digest}`;
    if (registry !== undefined) {
      references[name] = await push(image, registry, repository, [tag]);
      say(`  pushed: ${references[name]}`);
    }
    if (options.archive) {
      const file = join(folder, `${name}.tar`);
      await writeArchive(image, `${repository}:${tag}`, file);
      say(`  written: ${file}`);
    }
  }
  await writeFile(join(folder, "images.json"), `${JSON.stringify(references, null, 2)}\n`);
  await prune(cache, Date.now());
}

/** TLS unless it is said that there is none. */
function registryAddress(text: string): string {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.username !== "") {
    throw new Error(`--push takes http(s)://<host>[:<port>], not "${text}"`);
  }
  return url.origin;
}
