import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkout } from "./paths.mjs";

type Entry = { readonly resolved?: string; readonly optionalDependencies?: Readonly<Record<string, string>> };

const entriesOf = (path: string): Readonly<Record<string, Entry>> =>
  (JSON.parse(readFileSync(join(checkout, path), "utf8")) as { packages: Record<string, Entry> }).packages;

const locks = ["package-lock.json", "tools/node/package-lock.json"];

/** npm 11 refuses a lock that lacks some, though it would not install them; npm leaves them out when it renews a lock beside a node_modules. */
test.each(locks)("%s has the optional packages of all platforms, so that `npm ci` works with every npm", (path) => {
  const entries = entriesOf(path);
  const present = new Set(Object.keys(entries).map((each) => each.slice(each.lastIndexOf("node_modules/") + 13)));
  const named = Object.values(entries).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  expect(named.filter((name) => !present.has(name))).toEqual([]);
});

test.each(locks)("%s names no registry", (path) => {
  const resolved = Object.values(entriesOf(path)).map((entry) => entry.resolved);
  expect(resolved.filter((from) => String(from).includes("://"))).toEqual([]);
});
