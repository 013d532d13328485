/** Makes dist/homeplane-<version>.tgz, the package that `npx homeplane` runs. Run: npm run pack */
import { mkdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { makePackage } from "./pack/make-package.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist");
await mkdir(folder, { recursive: true });
const file = await makePackage(root, folder);
const { size } = await stat(file);
process.stdout.write(`${relative(root, file)}, ${(size / 1e6).toFixed(2)} MB\n`);
