import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@homeplane/control-plane";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dataDirPaths, type DataDirPaths } from "../up/data-dir.ts";
import { takeLock } from "../up/lock.ts";
import { describeContents } from "./contents.ts";
import { finishReset, reset, resettable } from "./reset.ts";

let paths: DataDirPaths;
beforeEach(async () => {
  paths = dataDirPaths(await mkdtemp(join(tmpdir(), "homeplane-reset-")));
});
afterEach(() => rm(paths.root, { recursive: true }));

/** As a start and some runs leave it; in the package from npm the tasks' Python lies beside. */
async function fill(): Promise<void> {
  await (await takeLock(paths.lock, paths.root))();
  await openSqliteStore(paths.database).close();
  for (const folder of ["kube", "objects/bucket", "python-3.11-x/bin", "log", "mine"])
    await mkdir(join(paths.root, folder), { recursive: true });
  for (const file of ["objects/bucket/a", "python-3.11-x/bin/python", "log/homeplane.log", "mine/notes", "env.12.tmp"])
    await writeFile(join(paths.root, file), "12345");
}

test("reset removes what homeplane made and leaves everything else", async () => {
  await fill();
  expect(await resettable(paths.root)).toEqual({ runs: 0, objects: 1, bytes: 5 });
  await reset(paths.root);
  expect((await readdir(paths.root)).toSorted()).toEqual(["homeplane.pid.lock", "log", "mine", "python-3.11-x"]);
  expect(existsSync(paths.log)).toBe(false);
});

test("a folder in which no homeplane ever ran is not reset, whatever it holds", async () => {
  await mkdir(join(paths.root, "kube"));
  expect(await resettable(paths.root)).toBeUndefined();
  expect(await readdir(paths.root)).toEqual(["kube"]);
});

test("a data dir in use is not reset", async () => {
  await fill();
  const release = await takeLock(paths.lock, paths.root);
  await expect(resettable(paths.root)).rejects.toMatchObject({ code: "AlreadyRunning" });
  await expect(reset(paths.root)).rejects.toMatchObject({ code: "AlreadyRunning" });
  expect(existsSync(paths.database)).toBe(true);
  await release();
});

test("a reset that was cut short is finished by the next start", async () => {
  await fill();
  await writeFile(join(paths.root, "reset.pending"), "");
  await finishReset(paths);
  expect(existsSync(paths.database)).toBe(false);
  expect(existsSync(join(paths.root, "reset.pending"))).toBe(false);
  await openSqliteStore(paths.database).close();
  await finishReset(paths);
  expect(existsSync(paths.database)).toBe(true);
});

test("a database that can not be read does not keep from a reset, and what is lost is told with its size", async () => {
  await fill();
  await writeFile(paths.database, "no database");
  const contents = await resettable(paths.root);
  expect(contents).toMatchObject({ runs: undefined });
  expect(describeContents({ runs: 1, objects: 2, bytes: 2_340_000 })).toContain(
    "1 run with their logs, 2 objects (2.3 MB)",
  );
  await reset(paths.root);
  expect(existsSync(paths.database)).toBe(false);
});
