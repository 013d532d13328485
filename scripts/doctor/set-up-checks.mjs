/** What the set-up needs: platform, Node, npm, Python, registries. When it is done, the last three are not needed any more. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chooseInterpreter, findInterpreters } from "../bootstrap/interpreter.mjs";
import { LaunchError } from "../bootstrap/launch-error.mjs";
import { npmCommand } from "../bootstrap/npm-command.mjs";
import { checkPlatform, thisMachine } from "../bootstrap/platform.mjs";
import { missing, ok, warning } from "./check.mjs";
import { runTool } from "./run-tool.mjs";

/** @typedef {import("./check.mjs").Check} Check */
/** @typedef {import("./doctor.mjs").Subject} Subject */

/** @param {string} id @param {string} title @param {() => string} find @returns {Check} */
function tried(id, title, find) {
  try {
    return ok(id, title, find());
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    return missing(id, title, error.message, error.nextStep);
  }
}

export function platformCheck() {
  return tried("platform", "Platform", () => {
    const machine = thisMachine();
    checkPlatform(machine);
    return `${machine.platform} ${machine.arch}, glibc ${machine.glibc}`;
  });
}

/** @param {Subject} subject */
export function nodeCheck({ paths }) {
  const own = join(paths.node, "bin/node");
  const running = `this is ${process.versions.node}`;
  if (existsSync(own)) return ok("node", "Node", `${running}; Homeplane has its own in ${paths.node}`);
  return ok("node", "Node", `${running}; the first start fetches the one that Homeplane runs on`);
}

/** @param {Subject} subject @returns {Check} */
export function npmCheck({ env, isSetUp }) {
  const check = tried("npm", "npm", () => npmCommand(env).args[0] ?? npmCommand(env).file);
  return isSetUp && check.state === "missing"
    ? { ...check, state: "warning", found: `${check.found} All is set up` }
    : check;
}

/** @param {Subject} subject @returns {Check} */
export function pythonCheck({ env, isSetUp, python, paths }) {
  if (python === undefined && isSetUp) return ok("python", "Python", `${paths.python}/bin/python is set up`);
  return tried("python", "Python", () => {
    const { file, minor } = chooseInterpreter(findInterpreters(env["PATH"], python), python);
    return `${file} (3.${minor}) with venv`;
  });
}

/** Asks for the very package that the set-up fetches, by the user's own npm with its settings. @param {Subject} subject @returns {Promise<Check>} */
export async function npmRegistryCheck({ env, root, isSetUp }) {
  const id = "npm-registry";
  const title = "npm's registry";
  const name = `node-linux-${process.arch}`;
  const manifest = /** @type {{ optionalDependencies?: Record<string, string> }} */ (
    JSON.parse(
      readFileSync(
        join(root, existsSync(join(root, "tools/node")) ? "tools/node/package.json" : "package.json"),
        "utf8",
      ),
    )
  );
  const wanted = `${name}@${manifest.optionalDependencies?.[name] ?? "latest"}`;
  /** @type {{ file: string, args: string[] }} */
  let npm;
  try {
    npm = npmCommand(env);
  } catch {
    return warning(id, title, "not asked: npm is missing", "see npm");
  }
  const options = [
    "--fetch-retries=0",
    "--fetch-timeout=5000",
    "--prefer-online",
    "--no-update-notifier",
    "--loglevel=error",
  ];
  const asked = await runTool(npm.file, [...npm.args, "view", wanted, "version", ...options], { env, cwd: root });
  if (asked.code === 0 && asked.stdout.trim() !== "") return ok(id, title, `has ${wanted}`);
  const next = "check the network; a mirror: npm config set registry <url>; a proxy: HTTPS_PROXY";
  const why = /npm (?:error|ERR!) code (\S+)/.exec(asked.stderr)?.[1] ?? `npm ended with ${asked.code}`;
  return isSetUp
    ? warning(id, title, `does not answer (${why}); not needed: all is set up`, next)
    : missing(id, title, `does not give ${wanted} (${why})`, next);
}

/** @param {Subject} subject @returns {Promise<Check>} */
export async function pipRegistryCheck({ env, paths, isSetUp }) {
  const id = "pip-registry";
  const title = "pip's registry";
  const own = join(paths.python, "bin/python");
  const file = existsSync(own) ? own : "python3";
  const options = ["--disable-pip-version-check", "--no-input", "--timeout=5", "--retries=0"];
  const asked = await runTool(file, ["-I", "-m", "pip", "index", "versions", "flyte", ...options], { env });
  if (asked.code === 0) return ok(id, title, `has flyte ${/\(([^)]+)\)/.exec(asked.stdout)?.[1] ?? ""}`);
  if (/No module named pip/.test(asked.stderr) || asked.code === "ENOENT")
    return warning(
      id,
      title,
      "not asked: this Python has no pip of its own",
      "the first start makes an environment with one, and says what fails",
    );
  const next = "check the network; a mirror: pip config set global.index-url <url>; a proxy: HTTPS_PROXY";
  return isSetUp
    ? warning(id, title, "does not answer; not needed: all is set up", next)
    : missing(id, title, "does not give flyte", next);
}
