import { type Clock, silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { collectAll, idleMemory } from "./idle-memory.ts";

/** A clock whose pauses end at once, up to `rounds` of them; before each one the process is as `round` makes it. */
async function live(rounds: number, round: (index: number) => void, load: { busy: number; used: number }) {
  const stop = new AbortController();
  const left = 10 << 20;
  let index = 0;
  let collections = 0;
  const clock: Clock = {
    now: () => 0,
    after: (_ms, callback) => {
      const timer = setImmediate(() => {
        if (index === rounds) return stop.abort();
        round(index++);
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
  const service = idleMemory({
    clock,
    log: silentLogger,
    load: { busy: () => load.busy, heapUsedBytes: () => load.used },
    collect: () => {
      collections++;
      load.used = left;
    },
  });
  await service.run(stop.signal);
  return collections;
}

test("memory is given back once after a burst, when nothing happens any more", async () => {
  const load = { busy: 1, used: 300 << 20 };
  const collections = await live(10, (index) => (load.busy = index < 5 ? 1 : 0.01), load);
  expect(collections).toBe(1);
});

test("a process that works, or has nothing to give back, is left alone", async () => {
  expect(await live(10, () => undefined, { busy: 0.5, used: 300 << 20 })).toBe(0);
  expect(await live(10, () => undefined, { busy: 0, used: 1 << 20 })).toBe(0);
});

test("the heap shrinks", () => {
  let garbage: unknown[] | undefined = Array.from({ length: 500_000 }, (_, index) => ({ index }));
  expect(garbage.length).toBeGreaterThan(0);
  const before = process.memoryUsage().heapUsed;
  garbage = undefined;
  collectAll();
  expect(before - process.memoryUsage().heapUsed).toBeGreaterThan(10 << 20);
});
