import { expect, test } from "vitest";
import { selectionOf } from "./selection.ts";
import { tierNames } from "./tiers.ts";

test.each([
  [[], { check: true, tiers: tierNames, filters: [] }],
  [["check"], { check: true, tiers: [], filters: [] }],
  [["unit"], { check: false, tiers: ["unit"], filters: [] }],
  [["check", "sdk"], { check: true, tiers: ["sdk"], filters: [] }],
  [["./packages/kube"], { check: false, tiers: tierNames, filters: ["packages/kube"] }],
  [["unit", "packages/kube"], { check: false, tiers: ["unit"], filters: ["packages/kube"] }],
])("npm test -- %j", (args, selection) => {
  expect(selectionOf(args)).toEqual(selection);
});

test("an option that is not known is refused", () => {
  expect(() => selectionOf(["--watch"])).toThrow("--watch is not known");
});
