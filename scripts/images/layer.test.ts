import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layerOfTree, readLayer } from "./layer.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-layer-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A small tree; `names` is the order in which it is written. */
async function tree(name: string, names: readonly string[], text = "same"): Promise<string> {
  const root = join(folder, name);
  await mkdir(join(root, "etc"), { recursive: true });
  for (const file of names) await writeFile(join(root, "etc", file), text);
  await symlink("a", join(root, "etc/link"));
  return root;
}

async function packed(root: string, owner?: { uid: number; gid: number }): ReturnType<typeof readLayer> {
  const out = await mkdtemp(join(folder, "out-"));
  await layerOfTree(root, out, owner);
  return readLayer(out);
}

const listing = (file: string): string => execFileSync("tar", ["--numeric-owner", "-tvzf", file], { encoding: "utf8" });
const sha256 = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("the same files give the same layer, whenever and in whatever order they were written", async () => {
  const [first, second] = [await tree("first", ["a", "b", "c"]), await tree("second", ["c", "a", "b"])];
  await utimes(join(second, "etc/b"), new Date(0), new Date(1e12));
  expect((await packed(second)).digest).toBe((await packed(first)).digest);
});

test.each([
  ["another content", (root: string) => writeFile(join(root, "etc/a"), "other")],
  ["another mode", (root: string) => chmod(join(root, "etc/a"), 0o755)],
  ["one more file", (root: string) => writeFile(join(root, "etc/d"), "same")],
])("%s gives another layer", async (_name, change) => {
  const root = await tree("one", ["a", "b"]);
  const before = await packed(root);
  await change(root);
  expect((await packed(root)).digest).not.toBe(before.digest);
});

test("files belong to who was named, not to who packed them", async () => {
  const { file } = await packed(await tree("one", ["a"]), { uid: 65532, gid: 7 });
  expect(listing(file).trim().split("\n")).toHaveLength(4);
  for (const line of listing(file).trim().split("\n")) expect(line).toMatch(/^\S+ 65532\/7 /);
});

test("what is said of a layer is true: digest, size, digest of the tar in it", async () => {
  const layer = await packed(await tree("one", ["a"]));
  const bytes = await readFile(layer.file);
  expect({ digest: sha256(bytes), size: bytes.length }).toEqual({ digest: layer.digest, size: layer.size });
  expect(sha256(execFileSync("gzip", ["-dc", layer.file]))).toBe(layer.diffId);
});
