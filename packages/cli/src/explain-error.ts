import { HomeplaneError } from "@homeplane/runtime-kit";

/** https://www.sqlite.org/rescode.html: SQLITE_FULL and SQLITE_READONLY, without the extended part. */
const sqliteFull = 13;
const sqliteReadOnly = 8;

/**
 * What ends the program, told to its reader. A full disk and missing rights are the same story wherever they show up, so their codes win over that of
 * the component that met them. Anything else without a code is a fault of ours: it keeps its stack.
 */
export function explainError(error: unknown): HomeplaneError {
  const causes = causesOf(error);
  const known = causes.find((cause) => cause instanceof HomeplaneError);
  const root = causes.at(-1);
  const message = known?.message ?? (root instanceof Error ? root.message : String(root));
  if (causes.some(isDiskFull))
    return new HomeplaneError(
      "DiskFull",
      `the disk is full: ${message}`,
      "make room where the data dir is, and start again: nothing that was accepted is lost",
      { cause: error },
    );
  if (known !== undefined) return known;
  if (causes.some(isNotWritable))
    return new HomeplaneError(
      "NotWritable",
      message,
      "give the file to the user who starts this (chown -R), or choose another --data-dir",
      { cause: error },
    );
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new HomeplaneError("Unexpected", stack, "this should not happen: please report it with the lines above", {
    cause: error,
  });
}

/** Outermost first; a chain that bites its tail ends. */
function causesOf(error: unknown): readonly unknown[] {
  const causes = new Set<unknown>();
  for (
    let cause = error;
    cause !== undefined && !causes.has(cause);
    cause = cause instanceof Error ? cause.cause : undefined
  )
    causes.add(cause);
  return [...causes];
}

function codesOf(error: unknown): { code?: unknown; errcode?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}

function isDiskFull(error: unknown): boolean {
  const { code, errcode } = codesOf(error);
  return code === "ENOSPC" || code === "EDQUOT" || primary(errcode) === sqliteFull;
}

function isNotWritable(error: unknown): boolean {
  const { code, errcode } = codesOf(error);
  return code === "EACCES" || code === "EPERM" || code === "EROFS" || primary(errcode) === sqliteReadOnly;
}

/** SQLite's extended codes hold the primary one in their lowest byte. */
function primary(errcode: unknown): number | undefined {
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}
