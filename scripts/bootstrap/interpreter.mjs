import { spawnSync } from "node:child_process";
import { findProgram } from "./find-program.mjs";
import { LaunchError } from "./launch-error.mjs";

/**
 * @typedef {object} Interpreter
 * @property {string} file the program itself, all links followed: a link as /usr/bin/python3 may become another version
 * @property {number} minor of Python 3
 * @property {boolean} cpython
 * @property {boolean} venv has venv and ensurepip (Debian packs both apart)
 */
/** @typedef {{ name: string, found: Interpreter | undefined }} Candidate `found` undefined: there is one, but it does not run */

/** What requirements.lock is made for: its wheels exist for these. */
const oldestMinor = 10;
const newestMinor = 14;

const installInCheckout =
  "install one (Debian, Ubuntu: apt install python3 python3-venv) and start again, or name one: node scripts/launch.mjs bootstrap --python <path>";

const candidateNames = ["python3.13", "python3.12", "python3.11", "python3.10", "python3.14", "python3"];

/** @param {string | undefined} path @param {string | undefined} requested a path or a name; then it is the only candidate @returns {Candidate[]} */
export function findInterpreters(path, requested) {
  const names = requested === undefined ? candidateNames : [requested];
  /** @type {Candidate[]} */
  const candidates = [];
  for (const name of names) {
    const file = name.includes("/") ? name : findProgram(name, path);
    if (file === undefined) continue;
    const found = probe(file);
    candidates.push({ name, found });
    if (isFit(found)) break;
  }
  return candidates;
}

/** The first that fits; otherwise the error says which next step is the shortest. @param {readonly Candidate[]} candidates @param {string | undefined} requested @param {string} [install] what to do, without the last stop @returns {Interpreter} */
export function chooseInterpreter(candidates, requested, install = installInCheckout) {
  const fit = candidates.find(({ found }) => isFit(found))?.found;
  if (fit) return fit;
  const range = `Python 3.${oldestMinor} to 3.${newestMinor}`;
  const able = candidates.find(({ found }) => found && isVersionFit(found));
  if (able?.found && !able.found.cpython) {
    throw new LaunchError("PythonNotCPython", `${able.name} is not CPython.`, `${install}.`);
  }
  if (able) {
    throw new LaunchError("PythonVenvMissing", `${able.name} has no venv module.`, "apt install python3-venv");
  }
  const versions = candidates.flatMap(({ name, found }) => (found ? [`${name} is 3.${found.minor}`] : []));
  if (versions.length > 0)
    throw new LaunchError("PythonVersion", `${range} is needed; ${versions.join(", ")}.`, `${install}.`);
  const what =
    requested === undefined ? "no python3 was found" : `${requested} is not there, or is no Python that runs`;
  throw new LaunchError("PythonMissing", `${range} is needed; ${what}.`, `${install}.`);
}

/** @param {Interpreter | undefined} found */
const isFit = (found) => found !== undefined && isVersionFit(found) && found.cpython && found.venv;
/** @param {Interpreter} found */
const isVersionFit = (found) => found.minor >= oldestMinor && found.minor <= newestMinor;

/** Inside a virtual environment, the base interpreter is meant. Runs on any Python 3, however old. */
const probeProgram = `
import json, os, sys
from importlib.util import find_spec
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({"file": os.path.realpath(base), "minor": sys.version_info[1] if sys.version_info[0] == 3 else -1,
  "cpython": sys.implementation.name == "cpython", "venv": bool(find_spec("venv") and find_spec("ensurepip"))}))`;

/** @param {string} file @returns {Interpreter | undefined} */
function probe(file) {
  // A version manager's stand-in for a version that is not installed fails here: that is an answer, too.
  const { status, stdout } = spawnSync(file, ["-I", "-c", probeProgram], { encoding: "utf8", timeout: 20_000 });
  return status === 0 ? /** @type {Interpreter} */ (JSON.parse(stdout)) : undefined;
}
