/**
 * A module of ours that finds a file by its own place still finds it when it is part of a bundle: the file lies at the same path below the
 * bundle's folder. Only modules that are known to do so may, for whatever they open must be put there.
 */
import { readFile } from "node:fs/promises";
import { dirname, extname, relative } from "node:path";
import type { OnLoadResult, Plugin } from "esbuild";

const place = /\bimport\.meta\.(dirname|filename|url|resolve)\b/g;

export function placesPlugin(root: string, readers: readonly string[]): Plugin {
  return {
    name: "places",
    setup(build) {
      build.onLoad({ filter: /\.[jt]s$/ }, async ({ path }): Promise<OnLoadResult | undefined> => {
        const module = relative(root, path);
        if (!module.startsWith("packages/") || module.includes("node_modules/")) return undefined;
        const code = await readFile(path, "utf8");
        if (code.search(place) < 0) return undefined;
        if (!readers.includes(module)) {
          const text = `${module} finds a file by its own place: name it in "readers", and what it opens in "assets", of scripts/bundle/make-bundle.ts`;
          return { errors: [{ text }] };
        }
        return { contents: moved(code, module), loader: extname(path) === ".ts" ? "ts" : "js" };
      });
    },
  };
}

/** `import.meta` of the result is that of the bundle. */
function moved(code: string, module: string): string {
  const below = (path: string): string => `(import.meta.dirname + ${JSON.stringify(`/${path}`)})`;
  const places: Readonly<Record<string, string>> = {
    url: `new URL(${JSON.stringify(`./${module}`)}, import.meta.url).href`,
    filename: below(module),
    dirname: below(dirname(module)),
  };
  return code.replaceAll(place, (whole: string, property: string) => places[property] ?? whole);
}
