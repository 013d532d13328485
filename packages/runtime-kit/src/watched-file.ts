/** A file that others replace while we run: tokens and certificates that are renewed. */
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "./clock.ts";
import { HomeplaneError, messageOf } from "./error.ts";
import type { Logger } from "./log.ts";

/** How long a file is taken as unchanged without a look. */
const lookAgainMs = 1_000;

export interface WatchedFileOptions<T> {
  readonly path: string;
  /** What the file is for, as in "the token of cluster x". */
  readonly what: string;
  readonly parse: (text: string) => T;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The file's value as of at most a second ago. One that can not be read, or does not parse, the first time is an error; later the last good value
 * stays in use, and the log says so.
 */
export function watchedFile<T>({ path, what, parse, clock, log }: WatchedFileOptions<T>): () => Promise<T> {
  let good: { readonly value: T } | undefined;
  let seen = "";
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<T> | undefined;
  const look = async (): Promise<T> => {
    try {
      const { mtimeMs, ino, size } = await stat(path);
      const version = `${mtimeMs} ${ino} ${size}`;
      if (good !== undefined && version === seen) return good.value;
      good = { value: parse(await readFile(path, "utf8")) };
      seen = version;
      return good.value;
    } catch (error) {
      if (good === undefined) {
        const next = "make the file, readable for this process, or name another one in the configuration";
        throw new HomeplaneError("FileUnusable", `${what}, ${path}, can not be used: ${messageOf(error)}`, next, {
          cause: error,
        });
      }
      log.error({ event: "file.unusable", what, path, error: messageOf(error) });
      return good.value;
    } finally {
      lookedAt = clock.now();
      looking = undefined;
    }
  };
  return async () => {
    if (good !== undefined && Math.abs(clock.now() - lookedAt) < lookAgainMs) return good.value;
    looking ??= look();
    return looking;
  };
}
