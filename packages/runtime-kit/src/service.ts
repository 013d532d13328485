/**
 * A part that runs until it is told to stop. `run` resolves when `signal` aborts and everything it started has ended; it
 * rejects only when it can not go on, which ends the whole program (a half-working component is worse than a restart).
 */
export interface Service {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** Runs all services until `signal` aborts or one fails; then stops all, waits for all, and rethrows the first failure. */
export async function runServices(services: readonly Service[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: unknown;
  const runOne = async (service: Service): Promise<void> => {
    try {
      await service.run(either);
    } catch (error) {
      if (!either.aborted) {
        failure = new Error(`service ${service.name} failed`, { cause: error });
        stop.abort(failure);
      }
    }
  };
  await Promise.all(services.map(runOne));
  if (failure !== undefined) throw failure;
}
