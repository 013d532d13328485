/** What the database can not do now, told apart from faults of ours: the caller can wait, and whoever owns the disk can act. */
import type { Store } from "./port.ts";

export type StoreFailure = "full" | "read-only" | "busy" | "unreadable";

export class StoreError extends Error {
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure, message: string, options: { cause: unknown }) {
    super(message, options);
    this.name = "StoreError";
    this.failure = failure;
  }
}

/** Primary result codes of SQLite (sqlite.org/rescode.html); extended ones carry theirs in the lowest byte. */
const failures: ReadonlyMap<number, readonly [StoreFailure, string]> = new Map([
  [5, ["busy", "the database is locked by another process"]],
  [6, ["busy", "the database is locked by another process"]],
  [8, ["read-only", "the database can not be written: its file or file system is read-only"]],
  [10, ["unreadable", "the database's disk failed to read or write"]],
  [11, ["unreadable", "the database is damaged"]],
  [13, ["full", "no space is left for the database"]],
  [14, ["unreadable", "the database's files can not be opened"]],
  [26, ["unreadable", "the database is damaged"]],
]);
/** SQLITE_IOERR_WRITE, _FSYNC, _TRUNCATE, _SHMSIZE: what a full disk looks like when a file can not grow. */
const writeErrors: ReadonlySet<number> = new Set([778, 1034, 1546, 4874]);

export function storeError(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return error;
  const code = writeErrors.has(error.errcode) ? 13 : error.errcode & 0xff;
  const [failure, message] = failures.get(code) ?? [];
  return failure === undefined || message === undefined ? error : new StoreError(failure, message, { cause: error });
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** The same store; what its calls fail with is a StoreError where it can be one. */
export function withStoreErrors(groups: Omit<Store, "close">): Omit<Store, "close"> {
  const wrapped = Object.entries(groups).map(([name, group]) => [
    name,
    Object.fromEntries(
      Object.entries(group as object as Record<string, Method>).map(([method, call]) => [
        method,
        async (...args: unknown[]) => {
          try {
            return await call(...args);
          } catch (error) {
            throw storeError(error);
          }
        },
      ]),
    ),
  ]);
  return Object.fromEntries(wrapped) as Omit<Store, "close">;
}
