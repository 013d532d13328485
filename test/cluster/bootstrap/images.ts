/** The images that the cluster itself needs. Nothing can be pulled here: each is packed from a program and given to containerd. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "../cache.ts";
import { run } from "./run.ts";
import { ctr } from "./containerd.ts";
import { full } from "./layout.ts";

export const pauseImage = "homeplane.test/pause:1";
export const busyboxImage = "homeplane.test/busybox:1.35";
export const corednsImage = "homeplane.test/coredns:1.15.0";

interface Image {
  readonly name: string;
  readonly config: {
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly User?: string;
  };
  /** Its root file system, in an empty folder. */
  readonly fill: (root: string) => Promise<void>;
  /** What it is made of, so that it is made again when that changes. */
  readonly sources: readonly string[];
}

export async function importImages(debian: string, coredns: string): Promise<void> {
  const present = await run(...spread(ctr(debian, "images", "list", "-q")));
  const names = new Set(present.split("\n"));
  for (const image of images(debian, coredns)) {
    const archive = await packed(image);
    const mark = join(full.folder, "imported", basename(archive));
    if (existsSync(mark) && names.has(image.name)) continue;
    await run(...spread(ctr(debian, "images", "import", archive)));
    await mkdir(dirname(mark), { recursive: true });
    await writeFile(mark, "");
  }
}

const spread = ([program, ...args]: readonly [string, ...string[]]): [string, string[]] => [program, args];

function images(debian: string, coredns: string): readonly Image[] {
  const pause = join(import.meta.dirname, "images/pause.c");
  const busybox = join(debian, "bin/busybox");
  const compile = async (root: string): Promise<void> => {
    await run("gcc", ["-static", "-Os", "-s", "-Wall", "-Werror", "-o", join(root, "pause"), pause]);
  };
  const fillBusybox = async (root: string): Promise<void> => {
    for (const folder of ["bin", "tmp", "etc"]) await mkdir(join(root, folder));
    // Not the static one: without glibc's own libraries it can not look up names.
    for (const library of (await run("ldd", [busybox])).match(/\/\S+/g) ?? []) {
      await mkdir(join(root, dirname(library)), { recursive: true });
      await copyFile(library, join(root, library));
    }
    await chmod(join(root, "tmp"), 0o1777);
    await copyFile(busybox, join(root, "bin/busybox"));
    const applets = (await run(busybox, ["--list"]))
      .split("\n")
      .filter((applet) => applet !== "" && applet !== "busybox");
    for (const applet of applets) await symlink("busybox", join(root, "bin", applet));
    await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
  };
  return [
    { name: pauseImage, config: { Entrypoint: ["/pause"], User: "65535" }, fill: compile, sources: [pause] },
    { name: busyboxImage, config: { Cmd: ["sh"] }, fill: fillBusybox, sources: [busybox] },
    {
      name: corednsImage,
      config: { Entrypoint: ["/coredns"] },
      fill: (root) => copyFile(coredns, join(root, "coredns")),
      sources: [coredns],
    },
  ];
}

/** As `docker save` writes it: one layer, its configuration, a list of both. */
async function packed(image: Image): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([image.name, image.config]));
  for (const source of image.sources) hash.update(await readFile(source));
  const archive = join(cacheFolder, `image-${hash.digest("hex").slice(0, 12)}.tar`);
  if (existsSync(archive)) return archive;
  const work = `${archive}.${process.pid}`;
  const root = join(work, "root");
  await mkdir(root, { recursive: true });
  try {
    await image.fill(root);
    const reproducible = ["--numeric-owner", "--owner=0", "--group=0", "--sort=name", "--mtime=@0"];
    await run("tar", [...reproducible, "-cf", join(work, "layer.tar"), "-C", root, "."]);
    const layer = createHash("sha256")
      .update(await readFile(join(work, "layer.tar")))
      .digest("hex");
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    const rootfs = { type: "layers", diff_ids: [`sha256:${layer}`] };
    const config = { architecture, os: "linux", config: { Env: ["PATH=/bin"], ...image.config }, rootfs };
    await writeFile(join(work, "config.json"), JSON.stringify(config));
    const list = [{ Config: "config.json", RepoTags: [image.name], Layers: ["layer.tar"] }];
    await writeFile(join(work, "manifest.json"), JSON.stringify(list));
    const files = ["manifest.json", "config.json", "layer.tar"];
    await run("tar", [...reproducible, "-cf", join(work, "image.tar"), "-C", work, ...files]);
    await rename(join(work, "image.tar"), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return archive;
}
