import { accessSync, constants, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { explainSystemError } from "./explain.mjs";
import { systemCode } from "./launch-error.mjs";
import { takeLock } from "./lock.mjs";
import { showProgress } from "./progress.mjs";
import { checkPlatform, thisMachine } from "./platform.mjs";

/**
 * @typedef {object} Step One thing to set up. Each can be done again at any time and leaves either the old state or the new.
 * @property {string} title
 * @property {string} size what there is to fetch, for the reader
 * @property {() => boolean} isDone in a few milliseconds
 * @property {(env: NodeJS.ProcessEnv) => void} check throws when this machine lacks what the step needs
 * @property {(context: StepContext) => Promise<void>} run
 */

/**
 * @typedef {object} StepContext
 * @property {NodeJS.ProcessEnv} env
 * @property {AbortSignal} signal
 * @property {string} log takes what npm and pip print
 * @property {(gauge: import("./progress.mjs").Gauge) => void} watch how far it is, from here on
 */

/** @typedef {import("./progress.mjs").Screen} Screen */

/**
 * Does what is not done yet.
 * @param {import("./paths.mjs").Paths} paths
 * @param {readonly Step[]} steps
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal, screen: Screen }} context
 */
export async function bootstrap(paths, steps, context) {
  if (!steps.every((step) => step.isDone())) {
    checkPlatform(thisMachine());
    // Before anything is fetched: who has to install Python should not wait for Node first.
    for (const step of steps) if (!step.isDone()) step.check(context.env);
    const { signal } = context;
    const release = await begin(paths, context);
    try {
      for (const [index, step] of steps.entries()) {
        signal.throwIfAborted();
        if (!step.isDone()) await runStep(paths, step, `[${index + 1}/${steps.length}] `, context);
      }
    } finally {
      release();
    }
  }
  markReady(paths);
}

/** @param {import("./paths.mjs").Paths} paths @param {{ signal: AbortSignal, screen: Screen }} context @returns {Promise<() => void>} */
async function begin(paths, { signal, screen }) {
  try {
    accessSync(paths.base, constants.W_OK);
    mkdirSync(paths.logs, { recursive: true });
    const release = await takeLock(paths.lock, signal, ({ pid }) =>
      screen.write(`Another start is setting up (process ${pid}): waiting for it.\n`),
    );
    process.once("exit", release);
    return release;
  } catch (error) {
    throw explainSystemError(`${paths.base} can not be written`, error);
  }
}

/**
 * @param {import("./paths.mjs").Paths} paths
 * @param {Step} step
 * @param {string} number
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal, screen: Screen }} context
 */
async function runStep(paths, step, number, { env, signal, screen }) {
  const log = join(paths.logs, `${step.title.replaceAll(" ", "-").toLowerCase()}.log`);
  const progress = showProgress(screen, `${number}${step.title}`, step.size);
  try {
    rmSync(log, { force: true });
    await step.run({ env, signal, log, watch: progress.watch });
    progress.end("done");
  } catch (error) {
    progress.end("failed");
    throw explainSystemError(`${step.title} could not be written`, error);
  }
}

/** @param {import("./paths.mjs").Paths} paths */
function markReady({ ready }) {
  const now = new Date();
  try {
    utimesSync(ready, now, now);
  } catch (error) {
    if (systemCode(error) === "ENOENT") writeFileSync(ready, "");
    // A checkout that this user may only read is complete all the same; the `homeplane` launcher then looks anew each time.
    else if (!["EACCES", "EPERM", "EROFS"].includes(systemCode(error) ?? "")) throw error;
  }
}
