/**
 * A stamp says what a step was made from. It is written last, so a step without its stamp is one that was interrupted.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { systemCode } from "./launch-error.mjs";

export const stampName = ".homeplane-stamp.json";

/** A hash of files' contents and of plain values. @param {readonly string[]} files @param {readonly string[]} values */
export function inputsHash(files, values) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  return hash.update(JSON.stringify(values)).digest("hex");
}

/**
 * The stamp in a file; undefined when there is none, or none that can be read: the step is then done anew.
 * @param {string} file
 * @returns {Record<string, unknown> | undefined}
 */
export function readStamp(file) {
  try {
    const stamp = /** @type {unknown} */ (JSON.parse(readFileSync(file, "utf8")));
    return typeof stamp === "object" && stamp !== null ? /** @type {Record<string, unknown>} */ (stamp) : undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @param {string} file @param {Record<string, unknown>} stamp */
export function writeStamp(file, stamp) {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(stamp, null, 2)}\n`);
  renameSync(temporary, file);
}
