/** `/opt/venv` of the task image: a virtual environment for Debian's Python 3.11, with what a lock of tools/python names. */
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requirementsOf } from "../bootstrap/pip-install.mjs";
import { type Cache, cached } from "./cache.ts";
import type { Architecture } from "./image.ts";
import { type Layer, layerOfTree, readLayer } from "./layer.ts";
import { pythonPackages, writePackages } from "./packages.ts";
import { runTool } from "./run-tool.ts";

/** Where images that the SDK builds have theirs. */
export const venv = "/opt/venv";

const machines = { amd64: "x86_64", arm64: "aarch64" } as const;
/** What Debian 12's libc (2.36) can load, newest first. */
const wheels = ["manylinux_2_34", "manylinux_2_28", "manylinux_2_24", "manylinux_2_17", "manylinux2014"];

export async function pythonLayer(
  cache: Cache,
  root: string,
  lock: string,
  architecture: Architecture,
): Promise<Layer> {
  // pip is of the environments that the set-up makes; an image is not changed when it runs.
  const all = requirementsOf(await readFile(join(root, "tools/python", lock), "utf8"));
  const requirements = all.filter((line) => !line.startsWith("pip=="));
  const recipe = ["venv", 2, venv, wheels, architecture, requirements];
  const folder = await cached(cache, `venv-${architecture}`, recipe, async (partial) => {
    const tree = join(partial, "tree");
    const environment = join(tree, venv);
    const packages = join(environment, "lib/python3.11/site-packages");
    await mkdir(packages, { recursive: true });
    const file = join(partial, "requirements.txt");
    await writeFile(file, `${requirements.join("\n")}\n`);
    const platforms = wheels.flatMap((wheel) => ["--platform", `${wheel}_${machines[architecture]}`]);
    const how = [
      "--require-hashes",
      "--no-deps",
      "--only-binary",
      ":all:",
      "--no-compile",
      "--no-input",
      "--disable-pip-version-check",
    ];
    const what = ["--python-version", "3.11", "--implementation", "cp", ...platforms, "--target", packages, "-r", file];
    const python = join(root, ".tools/python/bin/python");
    const install = "node scripts/launch.mjs bootstrap";
    await runTool(python, ["-I", "-m", "pip", "install", ...how, ...what], { install, timeoutMs: 300_000 });
    await rename(join(packages, "bin"), join(environment, "bin"));
    await makeEnvironment(environment);
    await precompile(environment);
    await writePackages(partial, await pythonPackages(packages));
    await layerOfTree(tree, partial);
    for (const each of [tree, file]) await rm(each, { recursive: true });
  });
  return readLayer(folder);
}

/** What `python3 -m venv` makes. */
async function makeEnvironment(environment: string): Promise<void> {
  const bin = join(environment, "bin");
  for (const name of await readdir(bin)) {
    const script = join(bin, name);
    const text = await readFile(script, "latin1");
    if (/^#!.*python/.test(text)) await writeFile(script, text.replace(/^#!.*/, `#!${venv}/bin/python3`), "latin1");
    await chmod(script, 0o755);
  }
  await symlink("/usr/bin/python3", join(bin, "python3"));
  for (const name of ["python", "python3.11"]) await symlink("python3", join(bin, name));
  const settings = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n";
  await writeFile(join(environment, "pyvenv.cfg"), settings);
}

/** A user without rights could not keep what Python compiles, so every start would compile all it imports. Not checked against time stamps, which layers change. */
async function precompile(environment: string): Promise<void> {
  const mode = ["--invalidation-mode", "unchecked-hash", "-s", environment, "-p", venv];
  const install = "apt install python3.11 (byte code is of one version of Python)";
  await runTool("python3.11", ["-I", "-m", "compileall", "-q", "-j", "2", ...mode, join(environment, "lib")], {
    install,
    timeoutMs: 300_000,
  });
}
