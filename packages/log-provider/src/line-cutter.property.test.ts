import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LineCutter, type LogPiece, MAX_PIECE_BYTES } from "./line-cutter.ts";

const time = "2026-01-01T00:00:00.000000001Z";

function cut(bytes: Buffer, sizes: readonly number[]): LogPiece[] {
  const cutter = new LineCutter();
  const pieces: LogPiece[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    pieces.push(...cutter.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return [...pieces, ...cutter.end()];
}

test("the pieces depend on the log alone, not on how it is chunked, and hold all its bytes", () => {
  const text = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from("☃".repeat(MAX_PIECE_BYTES / 2))));
  const sizes = fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 50 }).map((n) => n * 997),
      fc.constant(70_001),
    ),
    { minLength: 1, maxLength: 5 },
  );
  const property = fc.property(fc.array(text, { maxLength: 6 }), sizes, fc.boolean(), (texts, chunks, open) => {
    const contents = texts.map((one) => Buffer.from(one).map((byte) => (byte === 10 ? 11 : byte)));
    const log = Buffer.concat(contents.flatMap((one) => [Buffer.from(`${time} `), one, Buffer.from("\n")]));
    const bytes = open ? log.subarray(0, -1) : log;
    const pieces = cut(bytes, chunks);
    expect(pieces).toEqual(cut(bytes, [bytes.length + 1]));
    const lines: Buffer[][] = [[]];
    for (const piece of pieces) {
      expect(piece.time).toBe(time);
      expect(piece.content.length).toBeLessThanOrEqual(MAX_PIECE_BYTES);
      lines.at(-1)?.push(piece.content);
      if (piece.last) lines.push([]);
    }
    expect(lines.slice(0, -1).map((parts) => Buffer.concat(parts).toString("hex"))).toEqual(
      contents.map((one) => Buffer.from(one).toString("hex")),
    );
  });
  fc.assert(property, { numRuns: 30 });
});

test("a line that is cut is cut between characters", () => {
  const pieces = cut(Buffer.from(`${time} ${"☃".repeat(MAX_PIECE_BYTES / 2)}\n`), [65_536]);
  expect(pieces.length).toBe(2);
  for (const piece of pieces) expect(piece.content.toString("utf8")).not.toContain("\u{fffd}");
});

test("times in another zone or with fewer digits are brought to one form; a line without a time has that of the line before", () => {
  const pieces = cut(
    Buffer.from("2026-01-01T02:00:00.5+02:00 a\nunable to retrieve logs\n2026-01-01T00:00:01Z b\n"),
    [7],
  );
  expect(pieces.map((piece) => [piece.time, piece.content.toString()])).toEqual([
    ["2026-01-01T00:00:00.500000000Z", "a"],
    ["2026-01-01T00:00:00.500000000Z", "unable to retrieve logs"],
    ["2026-01-01T00:00:01.000000000Z", "b"],
  ]);
});
