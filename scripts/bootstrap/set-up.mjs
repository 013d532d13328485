import { constants } from "node:os";
import { bootstrap } from "./bootstrap.mjs";
import { screenOf } from "./progress.mjs";

/**
 * Does what is not done yet, with progress on stderr: stdout belongs to the program (`homeplane status --json`).
 * @param {import("./paths.mjs").Paths} paths
 * @param {readonly import("./bootstrap.mjs").Step[]} steps
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number | undefined>} the exit code when a signal ended it; undefined when all is in place
 */
export async function setUp(paths, steps, env) {
  const screen = screenOf(process.stderr);
  const stop = endOnSignals();
  try {
    await bootstrap(paths, steps, { env, signal: stop.signal, screen });
    return undefined;
  } catch (error) {
    if (!(stop.signal.reason instanceof Interrupted)) throw error;
    screen.write(`homeplane: ${stop.signal.reason.message}\n`);
    return stop.signal.reason.exitCode;
  } finally {
    stop.off();
  }
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
