/** Where Homeplane keeps its data, and where it listens. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { systemCode } from "../bootstrap/launch-error.mjs";
import { missing, ok, warning } from "./check.mjs";
import { runTool } from "./run-tool.mjs";

/** @typedef {import("./check.mjs").Check} Check */
/** @typedef {import("./doctor.mjs").Subject} Subject */

/** The folder itself, or the nearest that exists above it. @param {string} path @returns {string} */
function nearest(path) {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}

/** @param {Subject} subject @returns {Check} */
export function dataDirCheck({ dataDir }) {
  const id = "data-dir";
  const title = "Data dir";
  const folder = nearest(dataDir);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(id, title, folder === dataDir ? `${dataDir} is writable` : `${dataDir} can be made`);
  } catch (error) {
    const next = "choose a folder that this user can write to with --data-dir";
    return missing(id, title, `${folder} is not writable (${systemCode(error)})`, next);
  }
}

/** What the set-up takes; what a few runs take. */
const setUpMb = 1024;
const runMb = 200;

/** @param {Subject} subject @returns {Promise<Check>} */
export async function diskCheck({ dataDir, paths, isSetUp, env }) {
  const id = "disk";
  const title = "Disk space";
  const places = [
    { folder: nearest(dataDir), needed: runMb },
    { folder: nearest(paths.tools), needed: isSetUp ? 0 : setUpMb },
  ];
  /** @type {string[]} */
  const found = [];
  /** @type {string[]} */
  const short = [];
  for (const { folder, needed } of places.filter(({ needed }) => needed > 0)) {
    const { code, stdout } = await runTool("df", ["-Pk", folder], { env });
    const free = Math.floor(Number(stdout.split("\n")[1]?.split(/\s+/)[3]) / 1024);
    if (code !== 0 || Number.isNaN(free))
      return warning(id, title, `df ${folder} does not tell`, "see that there is 1 GB free");
    found.push(`${free} MB free at ${folder}`);
    if (free < needed) short.push(`${folder} needs ${needed} MB`);
  }
  if (short.length === 0) return ok(id, title, found.join(", "));
  return missing(
    id,
    title,
    `${found.join(", ")}; ${short.join(", ")}`,
    "make room, or choose another place with --data-dir",
  );
}

/** @param {Subject} subject @returns {Promise<Check>} */
export async function portCheck({ dataDir, port }) {
  const id = "port";
  const title = "Port";
  const taken = await portTaken(port);
  if (taken === undefined) return ok(id, title, `${port} is free`);
  const own = runningHere(dataDir);
  if (own !== undefined && new URL(own.controlPlane).port === String(port))
    return ok(id, title, `${port} is the Homeplane's on this data dir (process ${own.pid})`);
  return missing(
    id,
    title,
    `${port} can not be used (${taken})`,
    "`ss -ltnp` shows who has it; or choose another with --port",
  );
}

/** @param {number} port @returns {Promise<string | undefined>} why it can not be listened on */
function portTaken(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(systemCode(error) ?? error.message));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(undefined)));
  });
}

/** @param {string} dataDir @returns {{ controlPlane: string, pid: number } | undefined} */
function runningHere(dataDir) {
  try {
    const found = /** @type {{ controlPlane: string, pid: number }} */ (
      JSON.parse(readFileSync(join(dataDir, "endpoints.json"), "utf8"))
    );
    return existsSync(`/proc/${found.pid}`) ? found : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) !== undefined) return undefined;
    throw error;
  }
}
