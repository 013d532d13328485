import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { DataDirPaths } from "../up/data-dir.ts";

/** What a data dir holds, for whoever is about to lose it. */
export interface Contents {
  /** `undefined`: the database can not be read. */
  readonly runs: number | undefined;
  readonly objects: number;
  readonly bytes: number;
}

export async function contentsOf(paths: DataDirPaths): Promise<Contents> {
  const sizes = await sizesOf(paths.objects);
  return { runs: countRuns(paths.database), objects: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function countRuns(path: string): number | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return Number(database.prepare("SELECT count(*) AS n FROM runs").get()?.["n"]);
    } finally {
      database.close();
    }
  } catch {
    // A damaged or missing database is a reason for a reset, not against it.
    return undefined;
  }
}

async function sizesOf(folder: string): Promise<readonly number[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  const sizes: number[] = [];
  for (const entry of entries) {
    if (entry.isFile()) sizes.push((await stat(join(entry.parentPath, entry.name))).size);
  }
  return sizes;
}

const units = ["bytes", "kB", "MB", "GB", "TB"] as const;

export function describeContents({ runs, objects, bytes }: Contents): string {
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const size = `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
  const what = runs === undefined ? "all runs (their number can not be read)" : `${runs} run${runs === 1 ? "" : "s"}`;
  return `${what} with their logs, ${objects} object${objects === 1 ? "" : "s"} (${size}), secrets, and the object store's keys`;
}
