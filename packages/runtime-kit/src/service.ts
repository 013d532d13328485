/**
 * A part that runs until it is told to stop. `run` resolves when `signal` aborts and everything it started has ended; it
 * rejects only when it can not go on, which ends the whole program (a half-working component is worse than a restart).
 */
export interface Service {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs all services until `signal` aborts or one fails, which ending early is too; then stops all, waits for all, and rethrows the first
 * failure.
 */
export async function runServices(services: readonly Service[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: unknown;
  const runOne = async (service: Service): Promise<void> => {
    const fail = (what: string, cause?: unknown): void => {
      if (either.aborted) return;
      failure = new Error(`service ${service.name} ${what}`, { cause });
      stop.abort(failure);
    };
    try {
      await service.run(either);
      fail("ended before it was told to");
    } catch (error) {
      fail("failed", error);
    }
  };
  await Promise.all(services.map(runOne));
  if (failure !== undefined) throw failure;
}
