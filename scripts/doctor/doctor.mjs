/**
 * `homeplane doctor`: what is missing here, and how to get it. It runs on the Node at hand and needs nothing that the set-up makes: that is when
 * it is of use.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { LaunchError } from "../bootstrap/launch-error.mjs";
import { stampName } from "../bootstrap/stamp.mjs";
import { describeChecks } from "./check.mjs";
import { dataDirCheck, diskCheck, portCheck } from "./data-dir-checks.mjs";
import { cgroupCheck, kubectlCheck, mountNamespaceCheck, tarCheck } from "./machine-checks.mjs";
import { sdkCheck } from "./sdk-check.mjs";
import {
  nodeCheck,
  npmCheck,
  npmRegistryCheck,
  pipRegistryCheck,
  platformCheck,
  pythonCheck,
} from "./set-up-checks.mjs";

/** @typedef {import("./check.mjs").Check} Check */
/** @typedef {import("../bootstrap/paths.mjs").Paths} Paths */

/**
 * @typedef {object} Subject
 * @property {string} root the checkout, or the package
 * @property {Paths} paths
 * @property {boolean} isSetUp nothing is to be fetched any more
 * @property {string} dataDir
 * @property {number} port
 * @property {string | undefined} python the interpreter that the user named
 * @property {NodeJS.ProcessEnv} env
 */

/** @param {Subject} subject @returns {Promise<readonly Check[]>} */
export async function diagnose(subject) {
  const [sdk, npmRegistry, pipRegistry, disk, port, namespaces] = await Promise.all([
    sdkCheck(subject),
    npmRegistryCheck(subject),
    pipRegistryCheck(subject),
    diskCheck(subject),
    portCheck(subject),
    mountNamespaceCheck(subject),
  ]);
  const setUp = [platformCheck(), nodeCheck(subject), npmCheck(subject), pythonCheck(subject)];
  const programs = [tarCheck(subject), kubectlCheck(subject)];
  const system = [dataDirCheck(subject), disk, port, namespaces, cgroupCheck()];
  return [...setUp, sdk, npmRegistry, pipRegistry, ...programs, ...system];
}

/**
 * @param {{ json?: boolean, dataDir?: string, port?: string, python?: string }} options
 * @param {{ paths: Paths, env: NodeJS.ProcessEnv, print: (text: string) => void }} context
 * @returns {Promise<number>} the exit code: 1 when something is missing
 */
export async function doctor(options, { paths, env, print }) {
  const port = Number(options.port ?? 8090);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new LaunchError("Usage", `--port ${options.port} is no port.`, "a whole number from 0 to 65535");
  const checks = await diagnose({
    root: paths.root,
    paths,
    isSetUp: isSetUp(paths),
    dataDir: resolve(options.dataDir ?? join(homedir(), ".homeplane")),
    port,
    python: options.python,
    env,
  });
  const healthy = checks.every(({ state }) => state !== "missing");
  print(options.json === true ? `${JSON.stringify({ healthy, checks })}\n` : describeChecks(checks));
  return healthy ? 0 : 1;
}

/** In a checkout all three steps, in the package Python alone: npm brought the rest. @param {Paths} paths */
function isSetUp({ root, tools, node, python }) {
  const inCheckout = tools === join(root, ".tools");
  const made = [
    join(python, stampName),
    ...(inCheckout ? [join(node, "bin/node"), join(root, "node_modules", stampName)] : []),
  ];
  return made.every((file) => existsSync(file));
}

/** The words after `doctor`. @param {readonly string[]} args */
export function doctorOptions(args) {
  try {
    const text = /** @type {const} */ ({ type: "string" });
    const options = { json: /** @type {const} */ ({ type: "boolean" }), "data-dir": text, port: text, python: text };
    const { values } = parseArgs({ args: [...args], options });
    const { "data-dir": dataDir, ...rest } = values;
    return dataDir === undefined ? rest : { ...rest, dataDir };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LaunchError(
      "Usage",
      message,
      "homeplane doctor [--json] [--data-dir <path>] [--port <n>] [--python <path>]",
      { cause: error },
    );
  }
}
