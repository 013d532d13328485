import { join, resolve } from "node:path";
import { describeError, LaunchError } from "./launch-error.mjs";
import { nodeStep } from "./node-step.mjs";
import { packagesStep } from "./packages-step.mjs";
import { checkout, pathsOf } from "./paths.mjs";
import { checkPlatform } from "./platform.mjs";
import { pythonStep, testEnvironment } from "./python-step.mjs";
import { runProgram } from "./run-program.mjs";
import { setUp } from "./set-up.mjs";

/** @typedef {import("./bootstrap.mjs").Step} Step */

const cli = "packages/cli/src/main.js";

/** Environments of `tools/python` that only tests need. */
const testEnvironments = ["sdk-2.5.8", "s3-clients", "pod-templates"];

/** @param {readonly string[]} args */
export async function main(args) {
  try {
    process.exitCode = await launch(args);
  } catch (error) {
    process.stderr.write(describeError(error));
    process.exitCode = 1;
  }
}

/** @param {readonly string[]} args @returns {Promise<number>} */
async function launch(args) {
  const { python, program, forTests } = parseArgs(args);
  if (program?.[0] === cli && program[1] === "doctor") return await runDoctor(program.slice(2));
  // The steps' own names depend on the machine; without glibc's version, which takes longer to find out.
  checkPlatform({ platform: process.platform, arch: process.arch, glibc: "2.28" });
  const paths = pathsOf(checkout);
  const steps = [nodeStep(paths), packagesStep(paths), pythonStep(paths, python)];
  if (forTests) {
    for (const name of testEnvironments) steps.push(pythonStep(paths, python, undefined, testEnvironment(paths, name)));
  }
  const ended = await setUp(paths, steps, process.env);
  if (ended !== undefined) return ended;
  if (program === undefined) return 0;
  const [script, ...rest] = program;
  return runProgram(join(paths.node, "bin/node"), [resolve(paths.root, script), ...rest], process.env);
}

/** Before anything is set up, as it says what that lacks. @param {readonly string[]} args */
async function runDoctor(args) {
  const { doctor, doctorOptions } = await import("../doctor/doctor.mjs");
  const print = (/** @type {string} */ text) => void process.stdout.write(text);
  return await doctor(doctorOptions(args), { paths: pathsOf(checkout), env: process.env, print });
}

/**
 * @param {readonly string[]} args
 * @returns {{ python: string | undefined, program: [string, ...string[]] | undefined, forTests?: boolean }}
 */
function parseArgs(args) {
  let rest = [...args];
  /** @type {string | undefined} */
  let python;
  const take = () => {
    if (rest[0] === "--python") [, python, ...rest] = rest;
  };
  take();
  const [command, ...own] = rest;
  if (command === "bootstrap") {
    rest = own;
    take();
    return { python, program: undefined, forTests: rest.includes("--tests") };
  }
  const [script, ...more] = own;
  if (command === "start") return { python, program: [cli, "start", ...own] };
  if (command === "cli") return { python, program: [cli, ...own] };
  if (command === "test") return { python, program: ["scripts/test.ts", ...own] };
  if (command === "run" && script !== undefined) return { python, program: [script, ...more] };
  throw new LaunchError(
    "Usage",
    `"${args.join(" ")}" is not known.`,
    "node scripts/launch.mjs [--python <interpreter>] start|cli|test|run <file>|bootstrap [--tests] [arguments]",
  );
}
