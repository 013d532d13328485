/**
 * The Python environment with the pinned SDK: `<tools>/python-3.<minor>-<attempt>/`, and the link `<tools>/python` to the one in use.
 * Its scripts name their interpreter by path, so it cannot be made elsewhere and renamed: the link moves when it is whole.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { chooseInterpreter, findInterpreters } from "./interpreter.mjs";
import { runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";
import { attempt, pruneVersions, removeLeftovers, swapLink } from "./swap-link.mjs";

/** @param {import("./paths.mjs").Paths} paths @param {string | undefined} requested the interpreter that the user named @param {string} [install] what to do when there is none @returns {import("./bootstrap.mjs").Step} */
export function pythonStep(paths, requested, install) {
  const lock = join(paths.root, "tools/python/requirements.lock");
  const inputs = inputsHash([lock], [process.arch, dirname(paths.tools)]);
  const choose = (/** @type {NodeJS.ProcessEnv} */ env) =>
    chooseInterpreter(findInterpreters(env["PATH"], requested), requested, install);
  return {
    title: "Python packages",
    size: "about 45 MB to fetch",
    isDone() {
      const stamp = readStamp(join(paths.python, stampName));
      // The interpreter in it is a link to the system's, which an upgrade may have removed: existsSync follows it.
      const whole = stamp?.["inputs"] === inputs && existsSync(join(paths.python, "bin/python"));
      return whole && (requested === undefined || stamp["requested"] === requested);
    },
    check: (env) => void choose(env),
    async run({ env, signal, log }) {
      const { file, minor } = choose(env);
      const step = `Python packages (for Python 3.${minor})`;
      const isFinished = (/** @type {string} */ name) => existsSync(join(paths.tools, name, stampName));
      removeLeftovers(paths.tools, (name) => name.startsWith("python-") && !isFinished(name));
      const folder = join(paths.tools, `python-3.${minor}-${attempt()}`);
      const common = { step, cwd: paths.tools, env: pipEnvironment(env), log };
      await runLogged({ ...common, tool: "venv", file, args: ["-I", "-m", "venv", folder] }, signal);
      const args = ["-I", "-m", "pip", "install", ...pipArgs, "-r", lock];
      await runLogged({ ...common, tool: "pip", file: join(folder, "bin/python"), args }, signal);
      writeStamp(join(folder, stampName), {
        inputs,
        interpreter: file,
        ...(requested === undefined ? {} : { requested }),
      });
      swapLink(paths.python, basename(folder));
      pruneVersions(paths.python, basename(folder));
    },
  };
}

/** The lock is whole, so pip need not look for dependencies; what it has no wheel for is an error, never a build. */
const pipArgs = [
  "--require-hashes",
  "--no-deps",
  "--only-binary",
  ":all:",
  "--no-input",
  "--disable-pip-version-check",
];

/** Where from is the user's choice (PIP_INDEX_URL, pip.conf); where to and how is ours. @param {NodeJS.ProcessEnv} env @returns {NodeJS.ProcessEnv} */
function pipEnvironment(env) {
  const { PIP_TARGET: _target, PIP_PREFIX: _prefix, PIP_ROOT: _root, PIP_NO_BINARY: _noBinary, ...rest } = env;
  return { ...rest, PIP_USER: "0", PYTHONUNBUFFERED: "1" };
}
