import * as fc from "fast-check";
import { expect, test } from "vitest";
import { displacedPath, metaPath, objectPath, parseName } from "./key-path.ts";

const segment = fc.oneof(
  fc.constantFrom(
    "",
    ".",
    "..",
    "%",
    "%2E",
    "a",
    "a%file",
    "a%more",
    "%empty",
    "a%meta",
    "x".repeat(200),
    "x".repeat(201),
    "é".repeat(300),
    `${"x".repeat(200)}.`,
    `${"x".repeat(200)}..`,
  ),
  fc.string({ unit: "binary", maxLength: 6 }).map((text) => text.replaceAll("/", "").toWellFormed()),
);
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/"));

test("a plain key is its own path", () => {
  expect(objectPath("org/project/a b é.txt")).toBe("org/project/a b é.txt");
});

test("no key leads out of its bucket, or to a name that no file system takes", () => {
  fc.assert(
    fc.property(key, (text) => {
      for (const name of metaPath(text).split("/")) {
        expect(["", ".", ".."]).not.toContain(name);
        expect(name).not.toContain("\0");
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      }
    }),
  );
});

test("two keys never share a file, displaced or not", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      if (a === b) return;
      const paths = [objectPath(a), displacedPath(objectPath(a)), objectPath(b), displacedPath(objectPath(b))];
      expect(new Set(paths).size).toBe(4);
    }),
  );
});

test("a file's name tells its segment, displaced or not", () => {
  fc.assert(
    fc.property(segment, (text) => {
      const names = objectPath(`f/${text}`).split("/").slice(1);
      const pieces = names.map((name, i) => parseName(name, i < names.length - 1));
      expect(pieces.map((piece) => piece?.segment).join("")).toBe(text);
      expect(parseName(displacedPath(names.at(-1) ?? ""), false)?.segment).toBe(pieces.at(-1)?.segment);
    }),
  );
});

test.each(["100%", "%zz", "%2e", "a%0", "%61"])("a name that no key makes is nothing: %s", (name) => {
  expect(parseName(name, false)).toBeUndefined();
});
