import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { completeLock, missingOptional, type PackageLock } from "./complete-lock.mjs";

const lockOf = (path: string): PackageLock =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../..", path), "utf8")) as PackageLock;

test("an optional package that the lock lacks is named, for a platform that is not this one", () => {
  const tool = { version: "2.0.0", optionalDependencies: { "@tool/linux": "2.0.0", "@tool/mac": "^2.0.0" } };
  const lock = {
    packages: { "node_modules/tool": tool, "node_modules/tool/node_modules/@tool/linux": { version: "2.0.0" } },
  };
  expect(completeLock(lock).packages).toEqual({
    ...lock.packages,
    "node_modules/@tool/mac": { version: "2.0.0", optional: true, os: ["!linux"] },
  });
});

test.each(["package-lock.json", "tools/node/package-lock.json"])("%s has all that Linux x64 and arm64 need", (path) => {
  const lacking = missingOptional(lockOf(path)).map(({ name }) => name);
  expect(lacking.filter((name) => /linux-(x64|arm64|aarch64)(-gnu)?$/.test(name))).toEqual([]);
});

test.each(["package-lock.json", "tools/node/package-lock.json"])("%s names no registry", (path) => {
  const resolved = Object.values(lockOf(path).packages).map((entry) => entry["resolved"]);
  expect(resolved.filter((from) => String(from).includes("://"))).toEqual([]);
});
