import * as fc from "fast-check";
import { expect, test } from "vitest";
import { literalText } from "./literal.js";

const primitive = (value: object): object => ({ scalar: { primitive: value } });

test.each([
  [primitive({ integer: "3" }), "3"],
  [primitive({ floatValue: 0.5 }), "0.5"],
  [primitive({ boolean: false }), "false"],
  [primitive({ stringValue: "a\nb" }), '"a\\nb"'],
  [{ scalar: { noneType: {} } }, "None"],
  [{ scalar: { blob: { uri: "s3://b/k" } } }, "s3://b/k"],
  [{ scalar: { union: { value: primitive({ integer: "1" }) } } }, "1"],
  [{ scalar: { binary: { value: "AQID", tag: "msgpack" } } }, "msgpack, 3 bytes"],
  // As msgpack.packb({"name": "ada", "xs": [1, -1, 0.5], "none": None, "ok": True}) of Python writes it.
  [
    { scalar: { binary: { value: "hKRuYW1lo2FkYaJ4c5MB/8s/4AAAAAAAAKRub25lwKJva8M=", tag: "msgpack" } } },
    '{"name": "ada", "xs": [1, -1, 0.5], "none": None, "ok": true}',
  ],
  [{ scalar: { binary: { value: "AQ==" } } }, "binary, 1 bytes"],
  [{ collection: { literals: [primitive({ integer: "1" }), primitive({ integer: "2" })] } }, "[1, 2]"],
  [{ map: { literals: { k: primitive({ integer: "1" }) } } }, '{"k": 1}'],
  [{ collection: {} }, "[]"],
  [{}, "nothing"],
  [undefined, "nothing"],
])("%j is written %s", (literal, text) => {
  expect(literalText(literal)).toBe(text);
});

test("a long list is shortened and says by how much", () => {
  const literals = Array.from({ length: 1000 }, () => primitive({ integer: "1" }));
  expect(literalText({ collection: { literals } })).toMatch(/^\[(?:1, ){20}… 980 more\]$/);
});

test("whatever the server sends, there is a text of bounded length", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("scalar", "collection", "map"), fc.object({ maxDepth: 4 })),
      (literal) => {
        expect(literalText(literal).length).toBeLessThan(2_100);
      },
    ),
  );
});
