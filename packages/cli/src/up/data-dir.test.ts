import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadCredentials, openDataDir } from "./data-dir.ts";
import { openDatabase } from "./database.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "homeplane-data-"));
});
afterEach(() => rm(dir, { recursive: true }));

test("a new data dir is for its owner alone, an old one becomes so", async () => {
  await mkdir(join(dir, "old"), { mode: 0o755 });
  for (const path of ["old", "new/below"]) {
    const { root } = await openDataDir(join(dir, path));
    expect((await stat(root)).mode & 0o777).toBe(0o700);
  }
});

test("a folder with files of others is refused and left as it is", async () => {
  await writeFile(join(dir, "thesis.tex"), "");
  await expect(openDataDir(dir)).rejects.toMatchObject({
    code: "DataDirUnusable",
    message: expect.stringContaining("thesis.tex") as string,
  });
});

test("keys are made once", async () => {
  const path = join(dir, "credentials.json");
  const keys = await loadCredentials(path);
  expect(await loadCredentials(path)).toEqual(keys);
});

test.each(["", "{", "{}", '{"accessKeyId": 1, "secretAccessKey": "x"}', "null"])(
  "a credentials file that holds %j is an error that names it, and stays as it is",
  async (content) => {
    const path = join(dir, "credentials.json");
    await writeFile(path, content);
    await expect(loadCredentials(path)).rejects.toMatchObject({
      code: "DataDirDamaged",
      message: expect.stringContaining(path) as string,
      nextStep: expect.stringContaining("remove it") as string,
    });
    expect(await readFile(path, "utf8")).toBe(content);
  },
);

test("a database that is none is an error that names it, and stays as it is", async () => {
  const path = join(dir, "control-plane.db");
  const content = "this is no database, however long it may be. ".repeat(100);
  await writeFile(path, content);
  expect(() => openDatabase(path)).toThrow(expect.objectContaining({ code: "DatabaseUnusable" }) as Error);
  expect(await readFile(path, "utf8")).toBe(content);
});

test("a database of a newer version is refused with the way out", () => {
  const path = join(dir, "control-plane.db");
  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 9999");
  newer.close();
  expect(() => openDatabase(path)).toThrow(/schema version 9999/);
  expect(() => openDatabase(path)).toThrow(
    expect.objectContaining({
      nextStep: expect.stringContaining("version of homeplane that wrote it") as string,
    }) as Error,
  );
});
