/** Makes dist/homeplane.mjs, the whole command in a few files that need no packages, for images. Run: npm run bundle */
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { makeBundle } from "./bundle/make-bundle.ts";

const root = join(import.meta.dirname, "..");
const { programs } = await makeBundle(root, join(root, "dist"));
for (const file of programs) {
  const { size } = await stat(file);
  process.stdout.write(`${relative(root, file)}, ${(size / 1e6).toFixed(2)} MB\n`);
}
