import { expect, test } from "vitest";
import { TailBytes } from "./tail-bytes.ts";

const line = (second: number, text: string): Buffer => Buffer.from(`2026-01-01T00:00:0${second}.5Z ${text}\n`);

function tailOf(...parts: Uint8Array[]): TailBytes {
  const tail = new TailBytes();
  for (const part of parts) tail.push(part);
  return tail;
}

test("a second reading from the last lines on ends as the first one", () => {
  const tail = tailOf(line(1, "a"), line(4, "b"), line(5, "c"));
  expect(tail.since).toBe("2026-01-01T00:00:04Z");
  expect(tail.endsAs(tailOf(line(4, "b"), line(5, "c")))).toBe(true);
  expect(tail.endsAs(tailOf(line(4, "b"), line(5, "c"), line(5, "d")))).toBe(false);
  expect(tail.endsAs(tailOf())).toBe(false);
});

test("a reading that stopped within a line's time needs all of the log again", () => {
  const tail = tailOf(line(1, "a"), Buffer.from("2026-01-"));
  expect(tail.since).toBeUndefined();
  expect(tail.endsAs(tailOf(line(1, "a"), line(2, "b")))).toBe(false);
  expect(tail.endsAs(tailOf(line(1, "a"), Buffer.from("2026-01-")))).toBe(true);
  expect(tailOf().endsAs(tailOf(line(1, "a")))).toBe(false);
  expect(tailOf().endsAs(tailOf())).toBe(true);
});

test("only the end of a long log is kept, and still tells", () => {
  const parts = Array.from({ length: 20_000 }, (_, n) => line(1, `line ${n}`));
  const tail = tailOf(...parts, line(5, "last"));
  expect(tail.since).toBe("2026-01-01T00:00:04Z");
  expect(tail.endsAs(tailOf(line(5, "last")))).toBe(true);
  expect(tail.endsAs(tailOf(line(5, "lost")))).toBe(false);
});
