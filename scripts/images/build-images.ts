/** `npm run images -- build`: makes the images, and writes dist/images/images.json, which names each by digest. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prune } from "./cache.ts";
import { homeplaneImage } from "./homeplane.ts";
import { attach } from "./attach.ts";
import type { Image } from "./image.ts";
import { writeArchive } from "./layout.ts";
import { push } from "./registry.ts";
import { sbomOf, sbomType } from "./sbom.ts";
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

/** Returns the references by digest, of those that were pushed with the registry. */
export async function buildImages({ names, say, ...options }: BuildOptions): Promise<Readonly<Record<string, string>>> {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no image "${unknown.join('", "')}"; there are ${known.join(" and ")}`);
  const registry = options.push === undefined ? undefined : registryAddress(options.push);
  // Files are packed with the modes that they get here.
  process.umask(0o022);
  const cache = { folder: options.cacheFolder, say };
  const wanted = names.length === 0 ? known : names;
  const [homeplane, tasks] = await Promise.all([
    wanted.includes("homeplane") ? homeplaneImage(cache, options.root, options.version).then((image) => [image]) : [],
    wanted.includes("task") ? taskImages(cache, options.root) : [],
  ]);
  const images: readonly Named[] = [
    ...homeplane.map((image) => ({ name: "homeplane", repository: "homeplane", tag: options.version, image })),
    ...tasks.map(({ flyteVersion, image }) => ({
      name: `task-${flyteVersion}`,
      ...defaultImageName(flyteVersion),
      image,
    })),
  ];
  const folder = join(options.root, "dist/images");
  await mkdir(folder, { recursive: true });
  const references: Record<string, string> = {};
  for (const each of images) {
    const { name, repository, tag, image } = each;
    say(`${repository}:${tag}  ${image.root.digest}`);
    references[name] = registry === undefined ? `${repository}@${image.root.digest}` : await pushed(each, registry);
    for (const { manifest, packages, size, bytes } of bills(each)) {
      const { architecture = "unknown" } = manifest.platform ?? {};
      await writeFile(join(folder, `${name}-${architecture}.cdx.json`), bytes);
      say(`  ${architecture}: ${(size / 1e6).toFixed(1)} MB compressed, ${packages.length} packages`);
    }
    if (options.archive) await writeArchive(image, `${repository}:${tag}`, join(folder, `${name}.tar`));
  }
  await writeFile(join(folder, "images.json"), `${JSON.stringify(references, null, 2)}\n`);
  say(`references, bills of materials${options.archive ? ", archives" : ""}: ${folder}`);
  await prune(cache, Date.now());
  return references;
}

async function pushed(named: Named, registry: string): Promise<string> {
  const repository = { registry, name: named.repository };
  const reference = await push(named.image, repository, named.tag);
  for (const { manifest, bytes } of bills(named)) await attach(repository, manifest, sbomType, bytes);
  return reference;
}

/** One for each architecture. */
const bills = ({ repository, tag, image }: Named) =>
  image.contents.map(({ manifest, packages, size }) => {
    const { architecture = "unknown" } = manifest.platform ?? {};
    const subject = { name: repository, version: tag, digest: manifest.digest, architecture };
    return { manifest, packages, size, bytes: sbomOf(subject, packages) };
  });

/** TLS unless it is said that there is none. */
function registryAddress(text: string): string {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.username !== "") {
    throw new Error(`--push takes http(s)://<host>[:<port>], not "${text}"`);
  }
  return url.origin;
}
