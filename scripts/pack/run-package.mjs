/** Makes the Python environment when a command needs it, then runs the command line on the Node that it is written for. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describeError, LaunchError, systemCode } from "../bootstrap/launch-error.mjs";
import { pathsInHome } from "../bootstrap/paths.mjs";
import { checkPlatform, thisMachine } from "../bootstrap/platform.mjs";
import { pythonStep } from "../bootstrap/python-step.mjs";
import { runProgram } from "../bootstrap/run-program.mjs";
import { setUp } from "../bootstrap/set-up.mjs";

/** The package's folder; this file is in its scripts/pack/, as in a checkout. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cli = join(root, "packages/cli/src/main.js");

const otherPython =
  "install one (Debian, Ubuntu: apt install python3 python3-venv) and start again, or name one that has the package flyte: homeplane up --python <path>";

/** @param {readonly string[]} args */
export async function main(args) {
  try {
    process.exitCode = await launch(args);
  } catch (error) {
    process.stderr.write(describeError(error));
    process.exitCode = 1;
    return;
  }
  // On this Node it is loaded into this process, which then is homeplane: one process less, and signals need no passing on.
  if (process.exitCode === undefined) await import(pathToFileURL(cli).href);
}

/** @param {readonly string[]} args @returns {Promise<number | undefined>} the exit code; undefined: the command is still to be run, by this process */
async function launch(args) {
  checkPlatform({ platform: process.platform, arch: process.arch, glibc: "2.28" });
  if (args[0] === "doctor") return await runDoctor(args.slice(1));
  if (needsPython(args)) {
    const ended = await makePython();
    if (ended !== undefined) return ended;
  }
  const pinned = pinnedNode();
  if (process.versions.node.split(".")[0] === pinned.major) return undefined;
  try {
    return await runProgram(bundledNode(pinned), [cli, ...args], process.env);
  } catch (error) {
    if (error instanceof LaunchError) throw error;
    checkPlatform(thisMachine());
    throw noNode(pinned, "does not start", error);
  }
}

/** On any Node, as it says what is missing. @param {readonly string[]} args */
async function runDoctor(args) {
  const { doctor, doctorOptions } = await import("../doctor/doctor.mjs");
  const print = (/** @type {string} */ text) => void process.stdout.write(text);
  return await doctor(doctorOptions(args), { paths: pathsInHome(root, homedir()), env: process.env, print });
}

/** Whoever names an interpreter has one; help needs none. @param {readonly string[]} args */
function needsPython([command, ...options]) {
  const without = /^(--python(=.*)?|--help|-h)$/;
  return (command === "up" || command === "start") && !options.some((option) => without.test(option));
}

/** @returns {Promise<number | undefined>} the exit code when a signal ended it */
function makePython() {
  const paths = pathsInHome(root, homedir());
  try {
    // Also the default data dir: for its owner alone.
    mkdirSync(paths.base, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    const what = error instanceof Error ? error.message : "";
    const todo = "make the home folder writable for this user, or name both --python and --data-dir.";
    throw new LaunchError("NotWritable", `${paths.base} can not be made: ${what}.`, todo, { cause: error });
  }
  return setUp(paths, [pythonStep(paths, undefined, otherPython)], process.env);
}

/** @typedef {{ name: string, version: string, major: string }} PinnedNode */

/** @returns {PinnedNode} */
function pinnedNode() {
  const manifest = /** @type {{ optionalDependencies: Record<string, string> }} */ (
    JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  );
  const name = `node-linux-${process.arch}`;
  const version = manifest.optionalDependencies[name] ?? "";
  return { name, version, major: version.split(".")[0] ?? "" };
}

/** @param {PinnedNode} pinned */
function bundledNode(pinned) {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${pinned.name}/package.json`)), "bin/node");
  } catch (error) {
    if (systemCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw noNode(pinned, "is not installed", error);
  }
}

/** @param {PinnedNode} pinned @param {string} problem @param {unknown} cause */
function noNode({ name, version, major }, problem, cause) {
  return new LaunchError(
    "NodeMissing",
    `Node ${major} is needed; this is ${process.versions.node}, and the package ${name}@${version} ${problem}.`,
    `install homeplane again with optional packages (npm install --include=optional homeplane), or start it with Node ${major}.`,
    { cause },
  );
}
