import { readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemCode } from "./launch-error.mjs";

/** Lets `link` point at `target` (beside it or below), in one step for whoever looks. @param {string} link @param {string} target relative to the link's folder */
export function swapLink(link, target) {
  if (linkTarget(link) === target) return;
  const temporary = `${link}.${process.pid}`;
  rmSync(temporary, { force: true });
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

/** @param {string} link @returns {string | undefined} undefined when there is no such link */
export function linkTarget(link) {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Removes what an interrupted start left behind. Its npm or pip may have outlived it and still write: then it stays until the next
 * time. That is why each attempt works in a folder of its own name.
 * @param {string} folder
 * @param {(name: string) => boolean} isLeftover
 */
export function removeLeftovers(folder, isLeftover) {
  for (const name of readdirSync(folder).filter(isLeftover)) {
    try {
      rmSync(join(folder, name), { recursive: true, force: true });
    } catch (error) {
      if (systemCode(error) !== "ENOTEMPTY") throw error;
    }
  }
}

/** A suffix that no earlier attempt has used. */
export const attempt = () => `${Date.now().toString(36)}${process.pid.toString(36)}`;

/**
 * Removes the folders `<link>-...` that are neither the current nor the newest one before it: a Homeplane that runs may still use that.
 * @param {string} link
 * @param {string} current a folder's name
 */
export function pruneVersions(link, current) {
  const folder = dirname(link);
  const older = readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(link)}-`) && name !== current)
    .map((name) => ({ path: join(folder, name), time: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of older.slice(1)) rmSync(path, { recursive: true, force: true });
}
