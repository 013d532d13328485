import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter } from "./line-splitter.ts";

const cutAt = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
};

test("lines come out whole wherever the stream is cut, also inside a character", () => {
  const line = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", "↵"));
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat()), (lines, rest, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join("") + rest);
      const splitter = new LineSplitter();
      const out = cutAt(bytes, cuts).flatMap((chunk) => splitter.push(chunk));
      expect(out).toEqual(lines.map((text) => Buffer.from(text).toString()));
      expect(splitter.rest()).toBe(Buffer.from(rest).toString());
    }),
  );
});

test("a held piece survives the reuse of its buffer", () => {
  const splitter = new LineSplitter();
  const shared = Buffer.from("abc");
  splitter.push(shared);
  shared.fill("x");
  expect(splitter.push(Buffer.from("d\n"))).toEqual(["abcd"]);
});

test("a line past the bound is refused, also when it comes in pieces, and lines up to it pass", () => {
  const splitter = new LineSplitter(4);
  expect(splitter.push(Buffer.from("abcd\nab"))).toEqual(["abcd"]);
  expect(splitter.push(Buffer.from("cd"))).toEqual([]);
  expect(() => splitter.push(Buffer.from("e"))).toThrow("more than 4 bytes");
});

test("the work grows with the bytes, not with their square: a 4 MiB line in 64-byte chunks", () => {
  const measure = (size: number): number => {
    const splitter = new LineSplitter();
    const chunk = Buffer.alloc(64, "a");
    const start = process.cpuUsage().user;
    for (let i = 0; i < size / 64; i++) splitter.push(chunk);
    expect(splitter.push(Buffer.from("\n"))[0]).toHaveLength(size);
    return process.cpuUsage().user - start;
  };
  measure(1 << 20);
  const small = measure(1 << 19);
  // 8 times the bytes; a quadratic one would take 64 times as long. The floor keeps the measure above its noise.
  expect(measure(1 << 22)).toBeLessThan(32 * Math.max(small, 20_000));
});
