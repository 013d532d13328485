/** Debian's part of the images, from the packages that this machine's own apt sources name and vouch for. */
import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../bootstrap/find-program.mjs";
import { type Cache, cached } from "./cache.ts";
import type { Architecture } from "./image.ts";
import { epoch, type Layer, layerOfTar, layerOfTree, readLayer } from "./layer.ts";
import { debianPackages, writePackages } from "./packages.ts";
import { runTool } from "./run-tool.ts";

/** Debian 12: its Python is 3.11. */
export const suite = "bookworm";

const sourcesFiles = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];
/** A slow mirror, a busy machine. */
const longestMs = 300_000;
const noDocs = ["doc/*", "man/*", "info/*", "locale/*", "lintian/*"].map((path) => `path-exclude=/usr/share/${path}`);
/** Licences stay with what they cover. */
const dpkgOptions = [...noDocs, "path-include=/usr/share/doc/*/copyright"];

const noSetuid = 'find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +';
/** Its time stamps would not fit those of the sources, and a user without rights could not renew them: every start would compile. */
const precompile = 'chroot "$1" python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3.11';
/** Of the machine that made it. */
const noTraces =
  'rm -rf "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/var/cache/* "$1"/var/log/* "$1"/etc/*- && mkdir -p "$1"/var/cache/apt/archives/partial';

/**
 * A Debian that is installed: shell, coreutils, tar, and `packages`. `hooks` are shell commands that find the root in `$1`. Only for this
 * machine's architecture: packages run programs when installed.
 */
export async function installedBase(
  cache: Cache,
  packages: readonly string[],
  architecture: Architecture,
  hooks: readonly string[],
): Promise<Layer> {
  const steps = [...hooks, noSetuid, precompile, noTraces];
  const recipe = ["installed", 2, suite, packages, architecture, dpkgOptions, steps, epoch];
  const folder = await cached(cache, `task-base-${architecture}`, recipe, async (partial) => {
    const sources = await readSources();
    const tar = join(partial, "base.tar");
    const args = [
      "--variant=minbase",
      `--include=${packages.join(",")}`,
      `--architectures=${architecture}`,
      "--skip=output/dev",
      ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
      ...steps.map((hook) => `--customize-hook=${hook}`),
      ...["--aptopt=Acquire::Languages none", "--aptopt=APT::Install-Recommends false"],
    ];
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch.getTime() / 1000) };
    const install = "apt install mmdebstrap (as root), or build deploy/images/task/Dockerfile with Docker";
    await installMissing("mmdebstrap");
    await runTool("mmdebstrap", [...args, suite, tar, sources], { env, install, timeoutMs: longestMs });
    const status = await runTool("tar", ["-xOf", tar, "./var/lib/dpkg/status"], { install });
    await writePackages(partial, debianPackages(status));
    await layerOfTar(tar, partial);
    await rm(tar);
  });
  return readLayer(folder);
}

/** Packages laid out and not installed: no shell, no package manager; for any architecture. Scanners find them in `var/lib/dpkg/status.d`. */
export async function unpackedBase(
  cache: Cache,
  packages: readonly string[],
  architecture: Architecture,
  etc: Readonly<Record<string, string>>,
): Promise<Layer> {
  const recipe = ["unpacked", 2, suite, packages, architecture, etc];
  const folder = await cached(cache, `base-${architecture}`, recipe, async (partial) => {
    const [tree, debs] = [join(partial, "tree"), join(partial, "debs")];
    const status = join(tree, "var/lib/dpkg/status.d");
    await mkdir(status, { recursive: true });
    await download(packages, architecture, debs);
    const install = "apt install dpkg";
    const controls: string[] = [];
    for (const deb of (await readdir(debs)).filter((name) => name.endsWith(".deb")).sort()) {
      await runTool("dpkg-deb", ["-x", join(debs, deb), tree], { install });
      const control = await runTool("dpkg-deb", ["-f", join(debs, deb)], { install });
      await writeFile(join(status, deb.split("_", 1)[0] ?? deb), control);
      controls.push(control.trim());
    }
    await strip(tree);
    await bundleCertificates(tree);
    for (const [name, text] of Object.entries(etc)) await writeFile(join(tree, "etc", name), text);
    await mkdir(join(tree, "tmp"));
    await chmod(join(tree, "tmp"), 0o1777);
    await writePackages(partial, debianPackages(controls.join("\n\n")));
    await layerOfTree(tree, partial);
    for (const each of [tree, debs]) await rm(each, { recursive: true });
  });
  return readLayer(folder);
}

async function download(packages: readonly string[], architecture: Architecture, folder: string): Promise<void> {
  await readSources();
  const state = join(folder, "state");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(folder, "archives/partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  const settings = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Dir::State": state,
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": folder,
  };
  const file = join(folder, "apt.conf");
  await writeFile(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(""),
  );
  const options = {
    env: { ...process.env, APT_CONFIG: file },
    cwd: folder,
    timeoutMs: longestMs,
    install: "a Debian 12 machine",
  };
  await runTool("apt-get", ["-q", "-o", "APT::Update::Post-Invoke-Success::=true", "update"], options);
  await runTool("apt-get", ["-q", "download", ...packages], options);
}

/** What nobody looks at without a shell. */
async function strip(tree: string): Promise<void> {
  for (const path of ["man", "info", "locale", "lintian", "doc-base", "bug"]) {
    await rm(join(tree, "usr/share", path), { recursive: true, force: true });
  }
  for (const each of await readdir(join(tree, "usr/share/doc"))) {
    const folder = join(tree, "usr/share/doc", each);
    const files = await readdir(folder).catch(() => []);
    for (const name of files) if (name !== "copyright") await rm(join(folder, name), { recursive: true });
  }
  for (const each of await readdir(join(tree, "usr/lib"))) {
    for (const path of ["gconv", "audit"])
      await rm(join(tree, "usr/lib", each, path), { recursive: true, force: true });
  }
}

/** As the package's own installation would. */
async function bundleCertificates(tree: string): Promise<void> {
  const folder = join(tree, "usr/share/ca-certificates/mozilla");
  await mkdir(join(tree, "etc/ssl/certs"), { recursive: true });
  for (const name of (await readdir(folder)).sort()) {
    await appendFile(join(tree, "etc/ssl/certs/ca-certificates.crt"), await readFile(join(folder, name)));
  }
}

/** Root's part is done for root; anybody else is told when the program is called. */
async function installMissing(program: string): Promise<void> {
  if (findProgram(program, process.env["PATH"]) !== undefined || process.getuid?.() !== 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, install: "a Debian 12 machine", timeoutMs: longestMs };
  await runTool("apt-get", ["-q", "update"], options);
  await runTool("apt-get", ["-q", "-y", "--no-install-recommends", "install", program], options);
}

async function readSources(): Promise<string> {
  const file = sourcesFiles.find((path) => existsSync(path));
  const text = file === undefined ? "" : await readFile(file, "utf8");
  if (file !== undefined && text.includes(suite)) return file;
  throw new Error(
    `images are packed from the packages of Debian 12 (${suite}), which this machine's apt sources do not name.\n` +
      "  What to do: build on Debian 12, or build deploy/images/*/Dockerfile with Docker.",
  );
}
