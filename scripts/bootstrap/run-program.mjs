import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Runs a program in this one's place: same terminal, same signals, same end.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code; 128 + n after signal n, as a shell
 */
export function runProgram(file, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: "inherit" });
    for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGQUIT"]))
      process.on(signal, () => child.kill(signal));
    // Ctrl-C reaches the child from the terminal itself; passed on, it would count as the second one, which means "at once".
    process.on("SIGINT", () => {
      if (!process.stdin.isTTY) child.kill("SIGINT");
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
