import { accessSync, constants, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { explainSystemError } from "./explain.mjs";
import { systemCode } from "./launch-error.mjs";
import { takeLock } from "./lock.mjs";
import { checkPlatform, thisMachine } from "./platform.mjs";

/**
 * @typedef {object} Step One thing to set up. Each can be done again at any time and leaves either the old state or the new.
 * @property {string} title
 * @property {string} size what there is to fetch, for the reader
 * @property {() => boolean} isDone in a few milliseconds
 * @property {(env: NodeJS.ProcessEnv) => void} check throws when this machine lacks what the step needs
 * @property {(context: { env: NodeJS.ProcessEnv, signal: AbortSignal, log: string }) => Promise<void>} run
 */

/** While a step runs, the line grows this often, so that nobody takes it for hung. */
const tickMs = 15_000;

/**
 * Does what is not done yet.
 * @param {import("./paths.mjs").Paths} paths
 * @param {readonly Step[]} steps
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal, print: (text: string) => void }} context
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

/** @param {import("./paths.mjs").Paths} paths @param {{ signal: AbortSignal, print: (text: string) => void }} context @returns {Promise<() => void>} */
async function begin(paths, { signal, print }) {
  try {
    accessSync(paths.base, constants.W_OK);
    mkdirSync(paths.logs, { recursive: true });
    const release = await takeLock(paths.lock, signal, ({ pid }) =>
      print(`Another start is setting up (process ${pid}): waiting for it.\n`),
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
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal, print: (text: string) => void }} context
 */
async function runStep(paths, step, number, { env, signal, print }) {
  const log = join(paths.logs, `${step.title.replaceAll(" ", "-").toLowerCase()}.log`);
  const start = Date.now();
  const seconds = () => ((Date.now() - start) / 1000).toFixed(1);
  print(`${number}${step.title}, ${step.size} ... `);
  const ticker = setInterval(() => print(`${Math.round(Number(seconds()))} s ... `), tickMs);
  try {
    rmSync(log, { force: true });
    await step.run({ env, signal, log });
    print(`done in ${seconds()} s\n`);
  } catch (error) {
    print(`failed after ${seconds()} s\n`);
    throw explainSystemError(`${step.title} could not be written`, error);
  } finally {
    clearInterval(ticker);
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
