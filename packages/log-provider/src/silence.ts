import type { Clock } from "@homeplane/runtime-kit";

/**
 * The chunks of `source`; calls `onSilent` each time that `ms` of waiting for one have passed. Time that the consumer takes does not
 * count. `onSilent` ends the wait, if it wants to, by aborting the signal of the source.
 */
export async function* watchSilence<T>(
  source: AsyncGenerator<T>,
  clock: Clock,
  ms: number,
  onSilent: () => void,
): AsyncGenerator<T> {
  try {
    for (;;) {
      let cancel: () => void = () => undefined;
      const arm = (): void => {
        cancel = clock.after(ms, () => {
          arm();
          onSilent();
        });
      };
      arm();
      const next = await source.next().finally(() => cancel());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await source.return(undefined);
  }
}
