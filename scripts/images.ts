/**
 * Packs the images from Debian's, npm's and PyPI's packages, without a container engine. Run:
 *
 *   npm run images -- build [homeplane] [task] [--push <registry>] [--archive]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { buildImages } from "./images/build-images.ts";
import { imageCacheFolder } from "./images/cache.ts";

const usage = "npm run images -- build [homeplane] [task] [--push http(s)://<registry>] [--archive]";

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { push: { type: "string" }, archive: { type: "boolean", default: false } },
  });
  const [command, ...names] = positionals;
  if (command !== "build") throw new Error(`say what to do: ${usage}`);
  await buildImages({
    root: join(import.meta.dirname, ".."),
    cacheFolder: imageCacheFolder(process.env),
    version: manifest.version,
    names,
    push: values.push,
    archive: values.archive,
    say: (text) => void process.stdout.write(`${text}\n`),
  });
} catch (error) {
  process.stderr.write(`images: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
