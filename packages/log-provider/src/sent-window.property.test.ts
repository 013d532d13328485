import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { LogPiece } from "./line-cutter.ts";
import { SentWindow } from "./sent-window.ts";

/** Lines of one to three pieces; times repeat, and go back within a second. */
const line = fc.record({
  ms: fc.integer({ min: 0, max: 900 }),
  step: fc.integer({ min: 0, max: 1 }),
  parts: fc.integer({ min: 1, max: 3 }),
});

function piecesOf(lines: readonly { ms: number; step: number; parts: number }[]): LogPiece[] {
  let second = 0;
  return lines.flatMap(({ ms, step, parts }, n) => {
    second += step;
    const time = `${new Date(Date.UTC(2026, 0, 1, 0, 0, second, ms - (ms % 300))).toISOString().slice(0, -1)}000000Z`;
    return Array.from({ length: parts }, (_, index) => ({
      time,
      content: Buffer.from(`${n}.${index}`),
      index,
      last: index === parts - 1,
    }));
  });
}

test("readings that break after any piece bring each piece once, in order", () => {
  const property = fc.property(
    fc.array(line, { maxLength: 30 }),
    fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
    (lines, cuts) => {
      const log = piecesOf(lines);
      const sent = new SentWindow();
      const got: LogPiece[] = [];
      for (const cut of [...cuts, Infinity]) {
        const since = sent.since;
        // As a node does: each line of that time or later.
        const reading = log.filter(({ time }) => since === undefined || time.slice(0, 19) >= since.slice(0, 19));
        const unsent = sent.unsent();
        for (const piece of reading.slice(0, cut)) {
          if (!unsent(piece)) continue;
          sent.record(piece);
          got.push(piece);
        }
      }
      expect(got.map(({ content }) => content.toString())).toEqual(log.map(({ content }) => content.toString()));
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test("a log of more lines than are remembered is still read without a gap", () => {
  const log = Array.from({ length: 50_000 }, (_, n) => ({
    time: `2026-01-01T00:00:00.${String(n).padStart(9, "0")}Z`,
    content: Buffer.from(`${n}`),
    index: 0,
    last: true,
  }));
  const sent = new SentWindow();
  for (const piece of log.slice(0, 40_000)) sent.record(piece);
  const unsent = sent.unsent();
  expect(log.filter(unsent)).toEqual(log.slice(40_000));
});
