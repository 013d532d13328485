/** Layers of an image: tars that depend on nothing but what is in them, by GNU tar's own recipe for reproducible archives. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Package, readPackages } from "./packages.ts";
import { runTool } from "./run-tool.ts";

export interface Layer {
  /** The compressed file. */
  readonly file: string;
  readonly digest: string;
  readonly size: number;
  /** Digest of the tar inside, as image configurations name it. */
  readonly diffId: string;
  readonly packages: readonly Package[];
}

/** Of every file: an image made twice is the same image. */
export const epoch = new Date("2026-01-01T00:00:00Z");

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const root: Owner = { uid: 0, gid: 0 };

/** Writes what `tree` has at `paths`, all of it owned by one user, as a layer into `folder`. */
export async function layerOfTree(tree: string, folder: string, { uid, gid } = root, paths = ["."]): Promise<void> {
  const tar = join(folder, "layer.tar");
  const same = [
    "--sort=name",
    `--mtime=@${epoch.getTime() / 1000}`,
    "--numeric-owner",
    `--owner=${uid}`,
    `--group=${gid}`,
  ];
  const format = ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"];
  await runTool("tar", [...same, ...format, "-cf", tar, "-C", tree, ...paths], { install: "apt install tar" });
  await layerOfTar(tar, folder);
  await rm(tar);
}

/** Compresses a tar into `folder`, and writes down what it is. */
export async function layerOfTar(tar: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const partial = join(folder, "layer.partial");
  const [inside, outside] = [digesting(), digesting()];
  await pipeline(
    createReadStream(tar),
    inside.through,
    createGzip({ level: 6 }),
    outside.through,
    createWriteStream(partial),
  );
  await rename(partial, join(folder, "layer.tar.gz"));
  const { size } = await stat(join(folder, "layer.tar.gz"));
  const facts = { digest: outside.digest(), size, diffId: inside.digest() };
  await writeFile(join(folder, "layer.json"), JSON.stringify(facts));
}

export async function readLayer(folder: string): Promise<Layer> {
  const facts = JSON.parse(await readFile(join(folder, "layer.json"), "utf8")) as Omit<Layer, "file" | "packages">;
  return { ...facts, packages: await readPackages(folder), file: join(folder, "layer.tar.gz") };
}

function digesting(): { through: Transform; digest: () => string } {
  const hash = createHash("sha256");
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { through, digest: () => `sha256:${hash.digest("hex")}` };
}
