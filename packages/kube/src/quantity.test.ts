import * as fc from "fast-check";
import { expect, test } from "vitest";
import { add, formatQuantity, parseQuantity } from "./quantity.ts";

test.each([
  ["0", 0, "0"],
  ["1", 1000, "1"],
  ["0.1", 100, "100m"],
  ["1.5", 1500, "1500m"],
  [".5", 500, "500m"],
  ["250m", 250, "250m"],
  ["1u", 1, "1m"],
  ["1000000n", 1, "1m"],
  ["1500u", 2, "2m"],
  ["2000", 2_000_000, "2k"],
  ["1e3", 1_000_000, "1k"],
  ["2E2", 200_000, "200"],
  ["1E", 1e21, "1E"],
  ["1.5Gi", 1.5 * 2 ** 30 * 1000, "1536Mi"],
  ["1024Ki", 2 ** 20 * 1000, "1Mi"],
  ["128974848", 128_974_848_000, "128974848"],
  ["129M", 129_000_000_000, "129M"],
  ["-1", -1000, "-1"],
])("%s is %d thousandths and is shown as %s", (text, milli, shown) => {
  const amount = parseQuantity(text);
  expect(amount?.milli).toBe(milli);
  expect(amount === undefined ? "" : formatQuantity(amount)).toBe(shown);
});

test.each(["", " 1", "1 ", "1KI", "1kb", "Gi", "1e", "1.2.3", "0x10", "NaN", "Infinity", "1ee3", "--1"])(
  "%j is no quantity",
  (text) => expect(parseQuantity(text)).toBeUndefined(),
);

test("a sum is shown as its first part was written", () => {
  const sum = (...texts: string[]) =>
    formatQuantity(texts.map((text) => parseQuantity(text) ?? { milli: NaN, binary: false }).reduce(add));
  expect(sum("0", "1Gi", "512Mi")).toBe("1536Mi");
  expect(sum("1500m", "500m")).toBe("2");
});

test("any amount that is shown reads as the same amount", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), fc.boolean(), (milli, binary) => {
      expect(parseQuantity(formatQuantity({ milli, binary }))?.milli).toBe(milli);
    }),
  );
});
