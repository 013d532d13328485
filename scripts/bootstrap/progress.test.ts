import { expect, test, vi } from "vitest";
import { describeReading, type Screen, showProgress } from "./progress.mjs";

/** A screen that remembers, and time that stands still until it is told. */
function fixture(isTerminal: boolean): { screen: Screen; written: string[] } {
  const written: string[] = [];
  return { written, screen: { write: (text) => void written.push(text), isTerminal, columns: () => 60 } };
}

test("in a pipe a line comes every five seconds, with what is done", () => {
  vi.useFakeTimers();
  const { screen, written } = fixture(false);
  const progress = showProgress(screen, "[1/3] Node 24", "about 50 MB to fetch");
  let done = 0;
  progress.watch(() => ({ done, total: 127, unit: "MB" }));
  vi.advanceTimersByTime(4_900);
  expect(written).toEqual(["[1/3] Node 24, about 50 MB to fetch ...\n"]);
  done = 37.9;
  vi.advanceTimersByTime(5_200);
  expect(written.slice(1)).toEqual([
    "[1/3] Node 24: 37 of 127 MB, 29 %, 5 s\n",
    "[1/3] Node 24: 37 of 127 MB, 29 %, 10 s\n",
  ]);
  progress.end("done");
  vi.advanceTimersByTime(60_000);
  expect(written.slice(3)).toEqual(["[1/3] Node 24: done in 10.1 s\n"]);
  vi.useRealTimers();
});

test("on a terminal one line is written anew, never wider than the terminal", () => {
  vi.useFakeTimers();
  const { screen, written } = fixture(true);
  const progress = showProgress(screen, "[1/3] Node 24", "about 50 MB to fetch from a registry that is far away");
  vi.advanceTimersByTime(1_000);
  progress.end("failed");
  expect(written).toHaveLength(7);
  for (const text of written) {
    expect(text.startsWith("\r\u001B[K")).toBe(true);
    expect(text.slice(4)).toMatch(/^[^\r\n]{1,59}\n?$/);
  }
  expect(written.at(-1)).toBe("\r\u001B[K[1/3] Node 24: failed after 1.0 s\n");
  vi.useRealTimers();
});

test("a gauge that fails tells nothing and breaks nothing", () => {
  vi.useFakeTimers();
  const { screen, written } = fixture(false);
  const progress = showProgress(screen, "a", "b");
  progress.watch(() => {
    throw new Error("ENOENT");
  });
  vi.advanceTimersByTime(5_000);
  progress.end("done");
  expect(written[1]).toBe("a: 5 s\n");
  vi.useRealTimers();
});

test("more than expected is nearly done, never more than all", () => {
  expect(describeReading({ done: 140, total: 127, unit: "MB" })).toBe("127 of 127 MB, 99 %, ");
  expect(describeReading(undefined)).toBe("");
});
