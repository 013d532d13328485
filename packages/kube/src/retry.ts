import { type Backoff, backoffMs, type Random } from "@homeplane/runtime-kit";
import { KubeError } from "./kube-error.ts";

/** One call: at most this many requests. */
export const MAX_TRIES = 5;

const BACKOFF: Backoff = { baseMs: 250, maxMs: 5_000, jitter: "full" };

/** Answers to a read that another try may better. */
const TRANSIENT: ReadonlySet<number> = new Set([0, 429, 500, 502, 503, 504]);

/**
 * How long to wait before try `n` + 2, or undefined when the error is final. A write is sent again only when it certainly had
 * no effect: it never left, or the server refused it before acting (429; 503 with Retry-After, as client-go). A write whose
 * outcome is unknown is the caller's to look up.
 */
export function retryDelayMs(error: unknown, method: string, n: number, random: Random): number | undefined {
  if (!(error instanceof KubeError) || n + 1 >= MAX_TRIES) return undefined;
  const refused = error.status === 429 || (error.status === 503 && error.retryAfterSeconds !== undefined);
  const safe = error.reason === "Unreachable" || refused || (method === "GET" && TRANSIENT.has(error.status));
  if (!safe) return undefined;
  // The jitter goes on top of what the server asks for: all whom it turned away would else come back at once.
  return (error.retryAfterSeconds ?? 0) * 1000 + backoffMs(BACKOFF, n, random);
}
