/**
 * Gives memory back when there is nothing to do. V8 lets its heap grow with the work and collects when it needs room; a process that then has nothing to
 * do never needs room, and keeps for hours what a burst of a minute took.
 */
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Clock, type Logger, pause, type Service } from "@homeplane/runtime-kit";

/** What can be seen of the process. */
export interface Load {
  /** Of the time since it was last asked, how much the event loop was busy: 0 to 1. */
  busy(): number;
  heapUsedBytes(): number;
}

const everyMs = 10_000;
/** A collection stops everything for some tenths of a second: only when nobody would notice. */
const idleBelow = 0.05;
/** Less than this is not worth it. */
const worthBytes = 8 << 20;

export function idleMemory(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly load: Load;
  readonly collect: () => void;
}): Service {
  const { clock, log, load, collect } = options;
  return {
    name: "idle-memory",
    run: async (signal) => {
      load.busy();
      let left = 0;
      for (;;) {
        await pause(clock, everyMs, signal);
        if (signal.aborted) return;
        const used = load.heapUsedBytes();
        if (load.busy() > idleBelow || used - left < worthBytes) continue;
        collect();
        left = load.heapUsedBytes();
        log.debug({ event: "memory.collected", usedBytes: used, leftBytes: left });
      }
    },
  };
}

/** Of this process. */
export function processLoad(): Load {
  let last = performance.eventLoopUtilization();
  return {
    busy: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    heapUsedBytes: () => process.memoryUsage().heapUsed,
  };
}

/** Also what V8 would otherwise keep for the next burst. */
export function collectAll(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: object) => void;
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
