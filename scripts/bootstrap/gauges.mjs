/** How far npm and pip are, from what they leave on the disk and in their logs: neither tells by itself when its output is no terminal. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** @typedef {import("./progress.mjs").Gauge} Gauge */

const mega = 1_000_000;

/** npm unpacks while it fetches, so the file grows with what has come. @param {string} file @param {number} total bytes @returns {Gauge} */
export const fileGauge = (file, total) => () => {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  return size === undefined ? undefined : { done: size / mega, total: total / mega, unit: "MB" };
};

/** How many of these packages are unpacked. @param {string} folder @param {readonly string[]} paths of a lock, "node_modules/x" @returns {Gauge} */
export const packagesGauge = (folder, paths) => () => ({
  done: paths.filter((path) => existsSync(join(folder, path, "package.json"))).length,
  total: paths.length,
  unit: "packages",
});

/** @typedef {{ link?: boolean, optional?: boolean, os?: readonly string[], cpu?: readonly string[], libc?: readonly string[] }} LockEntry */

/** Those that npm installs here. @param {Record<string, LockEntry>} packages */
export function installedPaths(packages) {
  return Object.entries(packages).flatMap(([path, entry]) => (isInstalled(path, entry) ? [path] : []));
}

/** @param {string} path @param {LockEntry} entry */
function isInstalled(path, { link, optional, os, cpu, libc }) {
  if (link || !path.includes("node_modules/")) return false;
  // What is optional and fits everywhere is a dependency of something that does not fit here.
  if (optional && os === undefined && cpu === undefined) return false;
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, "glibc");
}

/** As in a package.json: a list of names, or of names with "!" that are excluded. @param {readonly string[] | undefined} list @param {string} name */
function fits(list, name) {
  if (list === undefined) return true;
  return list.some((each) => each.startsWith("!")) ? !list.includes(`!${name}`) : list.includes(name);
}

/** pip's log has a line for each that it goes for, and for each that is not for this machine. @param {string} log @param {number} total @returns {Gauge} */
export const fetchGauge = (log, total) => () => {
  const done = readFileSync(log, "utf8").match(/^(Collecting|Ignoring) /gm)?.length ?? 0;
  return done === 0 ? undefined : { done, total, unit: "packages fetched" };
};

/** pip leaves a folder for each that it has installed. @param {string} environment @param {number} total @returns {Gauge} */
export const installGauge = (environment, total) => () => {
  const installed = readdirSync(sitePackages(environment)).filter((name) => name.endsWith(".dist-info"));
  return { done: installed.length, total, unit: "packages installed" };
};

/** @param {string} environment */
function sitePackages(environment) {
  const [version = ""] = readdirSync(join(environment, "lib")).filter((name) => name.startsWith("python3"));
  return join(environment, "lib", version, "site-packages");
}
