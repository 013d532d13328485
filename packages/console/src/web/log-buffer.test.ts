import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLogBuffer } from "./log-buffer.js";

const texts = (buffer: ReturnType<typeof createLogBuffer>): string[] =>
  buffer.snapshot().lines.map((line) => line.text);

test("exactly the last lines are kept, and those that went are counted", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), (batches, limit) => {
      const buffer = createLogBuffer(limit);
      const all: string[] = [];
      for (const size of batches) {
        const lines = Array.from({ length: size }, (_, index) => `${all.length + index}`);
        all.push(...lines);
        buffer.append(lines.map((line) => ({ message: `${line}\n` })));
      }
      expect(texts(buffer)).toEqual(all.slice(-limit));
      expect(buffer.snapshot().dropped).toBe(Math.max(0, all.length - limit));
      expect(buffer.snapshot().count).toBe(all.length);
    }),
  );
});

test("a message is cut at its line ends, and an empty line stays one", () => {
  const buffer = createLogBuffer();
  buffer.append([{ message: "a\n\nb\n" }, { message: "\n" }, { message: "no end" }]);
  expect(texts(buffer)).toEqual(["a", "", "b", "", "no end"]);
});

test("colours are dropped, and a progress bar is its last state", () => {
  const buffer = createLogBuffer();
  buffer.append([{ message: "\u001b[1;31mred\u001b[0m\n" }, { message: "10%\r50%\r100%\r\n" }]);
  expect(texts(buffer)).toEqual(["red", "100%"]);
});

test("a very long line is cut and says so", () => {
  const buffer = createLogBuffer();
  buffer.append([{ message: "x".repeat(1_000_000) }]);
  expect(texts(buffer)[0]).toMatch(/^x{4000}… \(line cut here\)$/);
});

test("lines of the platform are told from those of the task", () => {
  const buffer = createLogBuffer();
  buffer.append([
    { message: "pulled\n", originator: "SYSTEM" },
    { message: "hello\n", originator: "USER" },
  ]);
  expect(buffer.snapshot().lines.map((line) => line.system)).toEqual([true, false]);
});
