import { expect, test } from "vitest";
import { expand } from "./expansion.ts";

const lookup = (name: string): string | undefined => ({ A: "1", B: "$(A)", EMPTY: "" })[name];

// The cases of k8s.io/kubernetes/third_party/forked/golang/expansion.
test.each([
  ["$(A)", "1"],
  ["$(B)", "$(A)"],
  ["x$(A)y$(A)z", "x1y1z"],
  ["$(EMPTY)", ""],
  ["$(MISSING)", "$(MISSING)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$$$$(A)", "$$(A)"],
  ["$A", "$A"],
  ["$(A", "$(A"],
  ["$(A$(A)", "$(A$(A)"],
  ["$", "$"],
  ["a$", "a$"],
  ["$()", "$()"],
  ["$x$(A)", "$x1"],
  ["", ""],
])("%s expands to %s", (text, expected) => {
  expect(expand(text, lookup)).toBe(expected);
});
