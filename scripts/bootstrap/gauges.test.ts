import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchGauge, fileGauge, installedPaths, installGauge, type LockEntry, packagesGauge } from "./gauges.mjs";
import { checkout } from "./paths.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "homeplane-gauge-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a file that grows is told in MB; one that is not there yet, not at all", () => {
  const gauge = fileGauge(join(folder, "node"), 4_000_000);
  expect(gauge()).toBeUndefined();
  writeFileSync(join(folder, "node"), Buffer.alloc(1_000_000));
  expect(gauge()).toEqual({ done: 1, total: 4, unit: "MB" });
});

test("packages count when they are unpacked", () => {
  const gauge = packagesGauge(folder, ["node_modules/a", "node_modules/@x/b"]);
  mkdirSync(join(folder, "node_modules/a"), { recursive: true });
  expect(gauge()).toMatchObject({ done: 0, total: 2 });
  writeFileSync(join(folder, "node_modules/a/package.json"), "{}");
  expect(gauge()).toMatchObject({ done: 1, total: 2 });
});

test("of the lock, just those packages are expected that npm has installed here", () => {
  const read = (path: string): Record<string, LockEntry> =>
    (JSON.parse(readFileSync(join(checkout, path), "utf8")) as { packages: Record<string, LockEntry> }).packages;
  const installed = read("node_modules/.package-lock.json");
  const expected = installedPaths(read("package-lock.json"));
  expect(expected.toSorted()).toEqual(installedPaths(installed).toSorted());
});

test("pip is first told by what it goes for, then by what it installed", () => {
  const log = join(folder, "pip.log");
  writeFileSync(log, "");
  const fetched = fetchGauge(log, 3);
  expect(fetched()).toBeUndefined();
  writeFileSync(log, "Ignoring b: markers\nCollecting a==1\n  Downloading a-1.whl (14 kB)\n");
  expect(fetched()).toEqual({ done: 2, total: 3, unit: "packages fetched" });
  mkdirSync(join(folder, "lib/python3.11/site-packages/a-1.dist-info"), { recursive: true });
  expect(installGauge(folder, 2)()).toEqual({ done: 1, total: 2, unit: "packages installed" });
});
