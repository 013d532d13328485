import { constants } from "node:os";
import { join, resolve } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { describeError, LaunchError } from "./launch-error.mjs";
import { nodeStep } from "./node-step.mjs";
import { packagesStep } from "./packages-step.mjs";
import { checkout, pathsOf } from "./paths.mjs";
import { checkPlatform } from "./platform.mjs";
import { pythonStep } from "./python-step.mjs";
import { runProgram } from "./run-program.mjs";

/** @typedef {import("./bootstrap.mjs").Step} Step */

const cli = "packages/cli/src/main.js";

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
  const { python, program } = parseArgs(args);
  // The steps' own names depend on the machine; without glibc's version, which takes longer to find out.
  checkPlatform({ platform: process.platform, arch: process.arch, glibc: "2.28" });
  const paths = pathsOf(checkout);
  const steps = [nodeStep(paths), packagesStep(paths), pythonStep(paths, python)];
  // Progress goes to stderr: stdout belongs to the program (`homeplane status --json`).
  const print = (/** @type {string} */ text) => void process.stderr.write(text);
  const stop = endOnSignals();
  try {
    await bootstrap(paths, steps, { env: process.env, signal: stop.signal, print });
  } catch (error) {
    if (!(stop.signal.reason instanceof Interrupted)) throw error;
    print(`homeplane: ${stop.signal.reason.message}\n`);
    return stop.signal.reason.exitCode;
  } finally {
    stop.off();
  }
  if (program === undefined) return 0;
  const [script, ...rest] = program;
  return runProgram(join(paths.node, "bin/node"), [resolve(paths.root, script), ...rest], process.env);
}

/**
 * @param {readonly string[]} args
 * @returns {{ python: string | undefined, program: [string, ...string[]] | undefined }}
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
    return { python, program: undefined };
  }
  const [script, ...more] = own;
  if (command === "start") return { python, program: [cli, "start", ...own] };
  if (command === "cli") return { python, program: [cli, ...own] };
  if (command === "test") return { python, program: ["scripts/test.ts", ...own] };
  if (command === "run" && script !== undefined) return { python, program: [script, ...more] };
  throw new LaunchError(
    "Usage",
    `"${args.join(" ")}" is not known.`,
    "node scripts/launch.mjs [--python <interpreter>] start|cli|test|run <file>|bootstrap [arguments]",
  );
}

/** Until the program starts, a signal ends the step that runs, then this process; a second one does not wait for the step. */
function endOnSignals() {
  const controller = new AbortController();
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  const listeners = signals.map((name) => {
    const listener = () => {
      if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
      controller.abort(new Interrupted(128 + constants.signals[name]));
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return { signal: controller.signal, off: () => listeners.forEach((remove) => remove()) };
}

class Interrupted extends Error {
  /** @param {number} exitCode */
  constructor(exitCode) {
    super("ended while setting up. Start again to go on from here.");
    this.exitCode = exitCode;
  }
}
