import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Paths Where everything is, absolute.
 * @property {string} root the checkout, or the package from npm
 * @property {string} base the folder that is written to, as a reader knows it
 * @property {string} tools all that the bootstrap makes, apart from node_modules
 * @property {string} logs
 * @property {string} lock
 * @property {string} ready touched when every step is done; the `homeplane` launcher compares its time with the locks' times
 * @property {string} node link to the current Node
 * @property {string} python link to the current Python environment
 */

/** @param {string} root @returns {Paths} */
export const pathsOf = (root) => within({ root, base: root, tools: join(root, ".tools") });

/** Of a package from npm, which may be read-only: all is made in the user's own folder. @param {string} root the package @param {string} home @returns {Paths} */
export function pathsInHome(root, home) {
  const base = join(home, ".homeplane");
  // It is also the default data dir, in which "ready" would be taken for Homeplane's own.
  return { ...within({ root, base, tools: base }), ready: join(base, "bootstrap.ready") };
}

/** @param {Pick<Paths, "root" | "base" | "tools">} folders @returns {Paths} */
function within(folders) {
  const { tools } = folders;
  return {
    ...folders,
    logs: join(tools, "log"),
    lock: join(tools, "bootstrap.lock"),
    ready: join(tools, "ready"),
    node: join(tools, "node"),
    python: join(tools, "python"),
  };
}

export const checkout = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
