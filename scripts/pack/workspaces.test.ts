import { expect, test } from "vitest";
import { closureOf, thirdParty, type Workspace } from "./workspaces.ts";

const workspace = (name: string, dependencies: Record<string, string>): Workspace => ({
  folder: `/packages/${name}`,
  manifest: { name, version: "1.0.0", type: "module", license: "Apache-2.0", dependencies },
});
const named = (...all: Workspace[]): ReadonlyMap<string, Workspace> =>
  new Map(all.map((each) => [each.manifest.name, each]));

test("what is needed over others is found, also in a circle; what is not needed stays behind", () => {
  const all = named(
    workspace("cli", { b: "1.0.0", other: "1.2.3" }),
    workspace("b", { c: "1.0.0" }),
    workspace("c", { b: "1.0.0" }),
    workspace("unused", {}),
  );
  expect(closureOf("cli", all).map(({ manifest }) => manifest.name)).toEqual(["cli", "b", "c"]);
});

test("the packages of others are collected once, without our own", () => {
  const all = [workspace("a", { b: "1.0.0", z: "1.2.3" }), workspace("b", { z: "1.2.3", y: "2.0.0-rc.1" })];
  expect(thirdParty(all)).toEqual({ y: "2.0.0-rc.1", z: "1.2.3" });
});

test("two versions of one package are refused, and so is an open range", () => {
  expect(() => thirdParty([workspace("a", { z: "1.2.3" }), workspace("b", { z: "1.2.4" })])).toThrow(
    /b wants z 1\.2\.4/,
  );
  expect(() => thirdParty([workspace("a", { z: "^1.2.3" })])).toThrow(/not exact/);
});
