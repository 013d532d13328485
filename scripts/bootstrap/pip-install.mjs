/**
 * Installs what a lock names. pip's own cache holds what it fetched only where the mirror's headers allow it, so wheels go to a folder of ours, some
 * at a time, and are installed from there: an interrupted start fetches at most one batch again.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchGauge, installGauge } from "./gauges.mjs";
import { runLogged } from "./run-logged.mjs";

/** pip starts in about a second: fewer in a batch would take longer on a fast line, more would lose more on a slow one. */
const batchSize = 12;

/** The lock is whole, so pip need not look for dependencies; what it has no wheel for is an error, never a build. */
const common = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"];

/** The requirements of a lock, each with its hashes. @param {string} text @returns {string[]} */
export function requirementsOf(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.join("\n").split(/\n(?=\S)/);
}

/**
 * @param {{ environment: string, lock: string, wheels: string, step: string, cwd: string, env: NodeJS.ProcessEnv, log: string }} options
 *   `environment` has pip; `wheels` is a folder that only this lock uses, and is gone afterwards
 * @param {AbortSignal} signal
 * @param {(gauge: import("./progress.mjs").Gauge) => void} watch
 */
export async function pipInstall({ environment, lock, wheels, ...rest }, signal, watch) {
  const pip = (/** @type {readonly string[]} */ args) => {
    const file = join(environment, "bin/python");
    return runLogged({ ...rest, tool: "pip", file, args: ["-I", "-m", "pip", ...args] }, signal);
  };
  const requirements = requirementsOf(readFileSync(lock, "utf8"));
  mkdirSync(wheels, { recursive: true });
  watch(fetchGauge(rest.log, requirements.length));
  for (let first = 0; first < requirements.length; first += batchSize) {
    const batch = join(wheels, "batch.txt");
    writeFileSync(batch, `${requirements.slice(first, first + batchSize).join("\n")}\n`);
    await pip(["download", ...common, "--dest", wheels, "-r", batch]);
  }
  watch(installGauge(environment, readdirSync(wheels).filter((name) => name.endsWith(".whl")).length));
  await pip(["install", ...common, "--no-index", "--find-links", wheels, "-r", lock]);
  rmSync(wheels, { recursive: true, force: true });
}
