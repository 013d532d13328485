import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { placesPlugin } from "./places-plugin.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "homeplane-places-"));
  await mkdir(join(root, "packages/a/src"), { recursive: true });
  await mkdir(join(root, "out"));
});
afterEach(() => rm(root, { recursive: true }));

const module = "packages/a/src/reader.ts";

async function bundled(code: string, readers: readonly string[]): Promise<string> {
  await writeFile(join(root, module), code);
  const outfile = join(root, "out/program.mjs");
  const plugins = [placesPlugin(root, readers)];
  await build({
    entryPoints: [join(root, module)],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile,
    plugins,
    logLevel: "silent",
  });
  return execFileSync(process.execPath, [outfile], { encoding: "utf8" });
}

test("a module finds its files below the bundle as it did below the root", async () => {
  const code = `
    console.log(import.meta.dirname);
    console.log(import.meta.filename);
    console.log(new URL("./web/page.html", import.meta.url).href);`;
  const [folder, file, page] = (await bundled(code, [module])).split("\n");
  expect(folder).toBe(join(root, "out/packages/a/src"));
  expect(file).toBe(join(root, "out/packages/a/src/reader.ts"));
  expect(page).toBe(`file://${join(root, "out/packages/a/src/web/page.html")}`);
});

test("a module that is not known to open files ends the bundle, which says where to name it", async () => {
  await expect(bundled("console.log(import.meta.dirname)", [])).rejects.toThrow(
    /packages\/a\/src\/reader\.ts finds a file by its own place: name it in "readers"/,
  );
});
