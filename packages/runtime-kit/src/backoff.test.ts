import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const plain = { baseMs: 250, maxMs: 15_000, jitter: "none" } as const;

test("without jitter the delays double up to the ceiling, exactly", () => {
  const delays = Array.from({ length: 9 }, (_, n) => backoffMs(plain, n, () => 0.5));
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test("full jitter draws whole milliseconds from 0 up to, but not including, the delay", () => {
  const full = { ...plain, jitter: "full" } as const;
  expect([0, 0.5, 0.999_999].map((draw) => backoffMs(full, 2, () => draw))).toEqual([0, 500, 999]);
});

test("no count of tries makes the delay negative, infinite or larger than its ceiling", () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0, max: 0.999_999, noNaN: true }), fc.boolean(), (n, draw, jitter) => {
      const delay = backoffMs({ ...plain, jitter: jitter ? "full" : "none" }, n, () => draw);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(plain.maxMs);
    }),
  );
});
