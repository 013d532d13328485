import { type FSWatcher, watch } from "node:fs";
import { type Clock, type Logger, messageOf, pause } from "@homeplane/runtime-kit";

/** A watch may be lost without a word (inotify limits, odd file systems): then this is the delay of a line. */
const POLL_MS = 500;
/** A busy writer causes an event per write; this bounds how often a pass over the files is made. */
const MIN_GAP_MS = 15;

export interface Follower {
  /** Resolves when no pass is being made any more. */
  stop(): Promise<void>;
}

/** Makes a pass at once, and then whenever one of the files has changed: never two at a time. `pass` must not reject. */
export function followFiles(options: {
  readonly files: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly pass: () => Promise<unknown>;
}): Follower {
  const { files, clock, log, pass } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let changed = false;
  let wake = (): void => undefined;
  const nudge = (): void => {
    changed = true;
    wake();
  };
  const watchers = files.flatMap((file) => watchFile(file, nudge, log));
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      changed = false;
      await pass();
      await pause(clock, MIN_GAP_MS, signal);
      if (changed || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(POLL_MS, resolve);
        wake = (): void => {
          cancel();
          resolve();
        };
      });
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      for (const watcher of watchers) watcher.close();
      nudge();
      await running;
    },
  };
}

function watchFile(file: string, changed: () => void, log: Logger): FSWatcher[] {
  const lost = (error: unknown): void => {
    const fields = { event: "pod_log_watch_lost", file, error: messageOf(error) };
    log.warn(fields, `a container's output can not be watched; it is polled every ${POLL_MS} ms instead`);
  };
  try {
    return [watch(file, { persistent: false }, changed).on("error", lost)];
  } catch (error) {
    lost(error);
    return [];
  }
}
