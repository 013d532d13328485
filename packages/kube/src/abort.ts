import type { Clock } from "@homeplane/runtime-kit";

/** A signal that aborts with its parent or by itself, and lets go of the parent when disposed: a long-lived parent keeps nothing. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  dispose(): void;
}

export function linkedAbort(parent: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent?.reason);
  if (parent?.aborted === true) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    dispose: () => parent?.removeEventListener("abort", follow),
  };
}

/** As {@link linkedAbort}, and aborts with `reason()` after `ms`. */
export function deadline(parent: AbortSignal | undefined, clock: Clock, ms: number, reason: () => Error): LinkedAbort {
  const linked = linkedAbort(parent);
  const cancel = clock.after(ms, () => linked.abort(reason()));
  return {
    ...linked,
    dispose: () => {
      cancel();
      linked.dispose();
    },
  };
}

/** Settles as `promise`, or rejects with the signal's reason as soon as that aborts, also when `promise` never heeds it. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
