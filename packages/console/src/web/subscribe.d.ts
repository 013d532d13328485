import type { RpcError } from "./rpc.js";

export interface Subscription<T> {
  readonly open: (signal: AbortSignal) => AsyncIterable<T>;
  /** `first`: of a new stream; what came before may come again. */
  readonly onMessage: (message: T, first: boolean) => void;
  readonly onState: (state: LinkState) => void;
  /** After a clean close: true = nothing more will come. */
  readonly isDone: () => boolean;
  /** True = "not_found" is retried too: what was asked for may still come to be. */
  readonly waitForIt?: () => boolean;
  /** The least wait between a clean close and the next subscription. */
  readonly reopenMs?: number;
  /** A stream is replaced at this age; Infinity: never while it lives. Default 10 min. */
  readonly maxAgeMs?: number;
}

export type LinkState =
  | { readonly kind: "open" | "paused" | "done" }
  | { readonly kind: "waiting" | "failed"; readonly error: RpcError };

/** Runs until `signal` aborts, `isDone`, or a final error. Never rejects for a failure of the stream: that is a state. */
export function subscribe<T>(options: Subscription<T>, signal: AbortSignal): Promise<void>;
/** Before the next try after `failures` failures: doubling from half a second to 15 s, full jitter above a floor of 125 ms. */
export function backoffMs(failures: number): number;
/** Resolves early when `signal` aborts or the network is back. */
export function pause(ms: number, signal: AbortSignal): Promise<void>;
/** Resolves at once while the tab is visible, and when `signal` aborts. */
export function untilVisible(signal: AbortSignal): Promise<void>;
