import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { explainFailure } from "./explain.mjs";
import { LaunchError } from "./launch-error.mjs";

/**
 * @typedef {object} Command
 * @property {string} step what a reader calls it, as "Node 24.21.0"
 * @property {"npm" | "pip" | "venv"} tool
 * @property {string} file
 * @property {readonly string[]} args
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} env
 * @property {string} log the file that takes its output; appended
 */

/** A line so slow that it takes longer would never end. */
const longestMs = 60 * 60_000;
/** Of the log, this much is looked at and shown when the command fails. */
const lookAtChars = 64 << 10;

/** Runs to the end; a failure is explained from what it printed. @param {Command} command @param {AbortSignal} signal @returns {Promise<void>} */
export async function runLogged(command, signal) {
  const out = openSync(command.log, "a");
  /** @type {string} */
  let exit;
  try {
    exit = await new Promise((resolve, reject) => {
      const { file, args, cwd, env } = command;
      // npm finishes what it is at when asked to end; nothing of an interrupted step is used, so it need not.
      const limits = /** @type {const} */ ({ signal, timeout: longestMs, killSignal: "SIGKILL" });
      const child = spawn(file, args, { cwd, env, ...limits, stdio: ["ignore", out, out] });
      /** @type {Error | undefined} */
      let failure;
      child.once("error", (error) => {
        failure = error;
      });
      // Also after an error: what was told to end may still be writing until then.
      child.once("close", (code, by) => {
        if (failure !== undefined) reject(failure);
        else resolve(code === 0 ? "" : code === null ? `was ended by ${by}` : `ended with code ${code}`);
      });
    });
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `${command.step}: ${command.file} could not be started.`;
    throw new LaunchError("StepFailed", message, "check its installation.", { cause: error });
  } finally {
    closeSync(out);
  }
  if (exit !== "") throw explainLogged(command, exit);
}

/** @param {Pick<Command, "step" | "tool" | "log">} command @param {string} exit how it ended, after the tool's name */
export function explainLogged({ step, tool, log }, exit) {
  return explainFailure({ step, tool, output: readFileSync(log, "utf8").slice(-lookAtChars), exit, log });
}
