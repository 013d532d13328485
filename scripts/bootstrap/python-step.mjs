/**
 * A Python environment with pinned packages: `<tools>/<name>-3.<minor>-<attempt>/`, and the link `<tools>/<name>` to the one in use.
 * Its scripts name their interpreter by path, so it cannot be made elsewhere and renamed: the link moves when it is whole.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { chooseInterpreter, findInterpreters } from "./interpreter.mjs";
import { pipInstall } from "./pip-install.mjs";
import { runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";
import { attempt, pruneVersions, removeLeftovers, swapLink } from "./swap-link.mjs";

/**
 * @typedef {object} Environment
 * @property {string} lock below tools/python
 * @property {string} link absolute, below `tools`
 * @property {string} title
 * @property {string} size
 */

/** What Homeplane runs tasks with. @param {import("./paths.mjs").Paths} paths @returns {Environment} */
const taskEnvironment = (paths) => ({
  lock: "requirements.lock",
  link: paths.python,
  title: "Python packages",
  size: "about 45 MB to fetch",
});

/** What only tests need: `tools/python/<name>.lock` becomes `.tools/<name>`. @param {import("./paths.mjs").Paths} paths @param {string} name @returns {Environment} */
export const testEnvironment = (paths, name) => ({
  lock: `${name}.lock`,
  link: join(paths.tools, name),
  title: `Python packages of ${name}`,
  size: "for tests, up to 45 MB to fetch",
});

/**
 * @param {import("./paths.mjs").Paths} paths
 * @param {string | undefined} requested the interpreter that the user named
 * @param {string} [install] what to do when there is none
 * @param {Environment} [environment]
 * @returns {import("./bootstrap.mjs").Step}
 */
export function pythonStep(paths, requested, install, environment = taskEnvironment(paths)) {
  const { link, title, size } = environment;
  const name = basename(link);
  const lock = join(paths.root, "tools/python", environment.lock);
  const inputs = inputsHash([lock], [process.arch, dirname(paths.tools)]);
  const choose = (/** @type {NodeJS.ProcessEnv} */ env) =>
    chooseInterpreter(findInterpreters(env["PATH"], requested), requested, install);
  return {
    title,
    size,
    isDone() {
      const stamp = readStamp(join(link, stampName));
      // The interpreter in it is a link to the system's, which an upgrade may have removed: existsSync follows it.
      const whole = stamp?.["inputs"] === inputs && existsSync(join(link, "bin/python"));
      return whole && (requested === undefined || stamp["requested"] === requested);
    },
    check: (env) => void choose(env),
    async run({ env, signal, log, watch }) {
      const { file, minor } = choose(env);
      const step = `${title} (for Python 3.${minor})`;
      const isFinished = (/** @type {string} */ folder) => existsSync(join(paths.tools, folder, stampName));
      removeLeftovers(paths.tools, (folder) => folder.startsWith(`${name}-3.`) && !isFinished(folder));
      const folder = join(paths.tools, `${name}-3.${minor}-${attempt()}`);
      const common = { step, cwd: paths.tools, env: pipEnvironment(env), log };
      await runLogged({ ...common, tool: "venv", file, args: ["-I", "-m", "venv", folder] }, signal);
      // Of this very lock: wheels of an older one would stay for ever.
      const wheels = join(paths.tools, `wheels-${name}-${inputs.slice(0, 12)}`);
      removeLeftovers(paths.tools, (each) => each.startsWith(`wheels-${name}-`) && join(paths.tools, each) !== wheels);
      await pipInstall({ ...common, environment: folder, lock, wheels }, signal, watch);
      writeStamp(join(folder, stampName), {
        inputs,
        interpreter: file,
        ...(requested === undefined ? {} : { requested }),
      });
      swapLink(link, basename(folder));
      pruneVersions(link, basename(folder));
    },
  };
}

/** Where from is the user's choice (PIP_INDEX_URL, pip.conf); where to and how is ours. @param {NodeJS.ProcessEnv} env @returns {NodeJS.ProcessEnv} */
function pipEnvironment(env) {
  const { PIP_TARGET: _target, PIP_PREFIX: _prefix, PIP_ROOT: _root, PIP_NO_BINARY: _noBinary, ...rest } = env;
  return { ...rest, PIP_USER: "0", PYTHONUNBUFFERED: "1" };
}
