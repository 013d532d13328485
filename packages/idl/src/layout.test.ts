import { expect, test } from "vitest";
import { attemptPrefix, logKey, runPrefix } from "./layout.ts";

const scope = { org: "acme", project: "shop", domain: "dev", run: "r1" };

test("keys start with organisation, project and domain, and go on with run, action and attempt", () => {
  expect(runPrefix(scope)).toBe("acme/shop/dev/r1");
  expect(attemptPrefix(`s3://meta/${runPrefix(scope)}`, "a0", 1, 0)).toBe("s3://meta/acme/shop/dev/r1/a0/1");
  expect(logKey(scope, "a0", 2, "pod", "main")).toBe("acme/shop/dev/r1/a0/2/logs/pod.main.log");
});

test("a later incarnation of an attempt has a folder of its own, which no other attempt has", () => {
  const folders = [1, 2, 11].flatMap((attempt) =>
    [0, 1, 2, 11].map((incarnation) => attemptPrefix("s3://b/r", "a", attempt, incarnation)),
  );
  expect(new Set(folders).size).toBe(folders.length);
  expect(attemptPrefix("s3://b/r", "a", 1, 2)).toBe("s3://b/r/a/1.2");
});

test("a base with slashes at its end makes no empty segment", () => {
  expect(attemptPrefix("s3://b/r//", "a0", 1, 0)).toBe("s3://b/r/a0/1");
});
