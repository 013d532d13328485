import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import { ObjectStoreError } from "../error.ts";

/** The `code` of a failed system call (`ENOENT`, ...), undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** True for "there is no such file", in both forms: nothing of that name, or a file where a directory would have to be. */
export function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

export async function lstatIfPresent(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

const NO_SPACE: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** For whatever writes: the one failure of a disk that the reader of the message can do something about. */
export async function tellingNoSpace<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!NO_SPACE.includes(errnoOf(error))) throw error;
    const message = `the disk that holds the store is full (${errnoOf(error)}); free space there, then try again`;
    throw new ObjectStoreError("NoSpace", message, { cause: error });
  }
}
