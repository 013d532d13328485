import type { Random } from "./clock.ts";

/** Exponential backoff. `jitter` "full" draws from [0, delay), as AWS's "Exponential Backoff and Jitter"; "none" is for tests of order. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly jitter: "full" | "none";
}

/** The delay before try `n` (0 = the first retry), in milliseconds. */
export function backoffMs(backoff: Backoff, n: number, random: Random): number {
  // 2 ** 30 * 1 ms is already 12 days: the exponent is bounded so that it never becomes Infinity.
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(Math.max(n, 0), 30));
  return backoff.jitter === "full" ? Math.floor(random() * ceiling) : ceiling;
}
