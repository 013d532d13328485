/** What a start says of a data dir that it can not use, and that it leaves it as it is. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, python, TestHomeplane } from "./homeplane.ts";

const main = join(import.meta.dirname, "../../packages/cli/src/main.js");

/** A data dir that was in use. */
let used: string;
let copy: string;
beforeAll(async () => {
  if (!hasPython) return;
  used = await mkdtemp(join(tmpdir(), "homeplane-used-"));
  copy = join(used, "copy");
  await using homeplane = await TestHomeplane.start();
  await homeplane.stop("SIGTERM");
  await cp(homeplane.dataDir, copy, { recursive: true });
});
afterAll(() => rm(used, { recursive: true, force: true }));

function up(dataDir: string): Promise<{ code: number | string | null | undefined; stderr: string }> {
  const args = [main, "up", "--port", "0", "--data-dir", dataDir, "--python", python, "--json"];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout: 30_000 }, (error, _, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stderr }),
    );
    // One that starts all the same is a failed test, not one that hangs.
    child.stdout?.once("data", () => child.kill());
  });
}

function newer(path: string, version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
}

describe.skipIf(!hasPython)("up on a data dir that can not be used", () => {
  test.each([
    ["control-plane.db", "DatabaseUnusable", (path: string) => writeFile(path, "no database ".repeat(1000))],
    ["kube/kube.db", "KUBE_STORE_UNUSABLE", (path: string) => writeFile(path, "no database ".repeat(1000))],
    ["control-plane.db", "DatabaseUnusable", async (path: string) => newer(path, 9_999)],
    ["kube/kube.db", "KUBE_STORE_VERSION", async (path: string) => newer(path, 9_999)],
    ["credentials.json", "DataDirDamaged", (path: string) => writeFile(path, "")],
    ["kube/certs/server.crt", "KUBE_CERT_DAMAGED", (path: string) => writeFile(path, "")],
  ])("%s: %s, nothing changed, and the lock is given back", async (file, code, damage) => {
    const dataDir = await mkdtemp(join(used, "damaged-"));
    await cp(copy, dataDir, { recursive: true });
    const path = join(dataDir, file);
    await rm(`${path}-wal`, { force: true });
    await damage(path);
    const before = await readFile(path);
    for (const _ of [1, 2]) {
      const { code: exit, stderr } = await up(dataDir);
      expect(exit).toBe(1);
      expect(stderr).toContain(`[${code}]`);
      expect(stderr.split("\n").length).toBeLessThan(6);
    }
    expect((await readFile(path)).equals(before)).toBe(true);
  });
});
