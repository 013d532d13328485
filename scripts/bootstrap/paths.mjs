import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Paths Where everything is, absolute.
 * @property {string} root the checkout
 * @property {string} tools all that the bootstrap makes, apart from node_modules
 * @property {string} logs
 * @property {string} lock
 * @property {string} ready touched when every step is done; the `homeplane` launcher compares its time with the locks' times
 * @property {string} node link to the current Node
 * @property {string} python link to the current Python environment
 */

/** @param {string} root @returns {Paths} */
export function pathsOf(root) {
  const tools = join(root, ".tools");
  return {
    root,
    tools,
    logs: join(tools, "log"),
    lock: join(tools, "bootstrap.lock"),
    ready: join(tools, "ready"),
    node: join(tools, "node"),
    python: join(tools, "python"),
  };
}

export const checkout = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
