import { HomeplaneError, silentLogger } from "@homeplane/runtime-kit";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom, settle, VirtualClock } from "./testing/virtual-clock.ts";
import { type Process, WorkQueue } from "./work-queue.ts";

function setUp(process: Process, { workers = 2, limit = 1000 } = {}) {
  const clock = new VirtualClock();
  const backoff = { baseMs: 1_000, maxMs: 60_000, jitter: "none" } as const;
  const queue = new WorkQueue({ clock, random: seededRandom(1), backoff, log: silentLogger, limit });
  const controller = new AbortController();
  const start = (): Promise<void> => queue.run({ workers, process, signal: controller.signal });
  return { clock, queue, start, stop: () => controller.abort(new Error("stop")) };
}

test("a waiting key is there once; one in process runs again afterwards, never twice at a time", async () => {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const { queue, start, stop } = setUp(async (key) => {
    log.push(`+${key}`);
    await new Promise<void>((resolve) => ends.push(resolve));
    log.push(`-${key}`);
  });
  queue.add("a");
  queue.add("a");
  expect(queue.depth).toBe(1);
  const running = start();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  queue.add("c");
  await settle();
  expect(log).toEqual(["+a", "+b"]);
  expect(queue.depth).toBe(1);
  while (ends.length > 0) {
    ends.shift()?.();
    await settle();
  }
  expect(log.filter((entry) => entry === "+a")).toHaveLength(2);
  expect(log.indexOf("-a")).toBeLessThan(log.lastIndexOf("+a"));
  await queue.idle();
  stop();
  await running;
});

test("failures are retried after 1, 2, 4 ... 60 s, and a success forgets them", async () => {
  const times: number[] = [];
  const state = { fails: true };
  const { clock, queue, start, stop } = setUp(async () => {
    times.push(clock.now());
    if (state.fails) throw new Error("not yet");
    return Promise.resolve();
  });
  const running = start();
  queue.add("a");
  await clock.advance(200_000);
  const gaps = (): number[] => times.slice(1).map((time, i) => (time - (times[i] ?? 0)) / 1000);
  expect(gaps()).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  state.fails = false;
  await clock.advance(60_000);
  const done = times.length;
  state.fails = true;
  queue.add("a");
  await clock.advance(1_500);
  expect(times.length).toBe(done + 2);
  stop();
  await running;
  expect(clock.timers).toBe(0);
});

test("of several delays the earliest counts, and a result may ask for one", async () => {
  const times: number[] = [];
  const { clock, queue, start, stop } = setUp(() => {
    times.push(clock.now());
    return Promise.resolve(times.length === 1 ? { requeueAfterMs: 7_000 } : undefined);
  });
  const begin = clock.now();
  const running = start();
  queue.addAfter("a", 5_000);
  queue.addAfter("a", 3_000);
  queue.addAfter("a", 9_000);
  await queue.idle();
  await clock.advance(60_000);
  expect(times.map((time) => time - begin)).toEqual([3_000, 10_000]);
  stop();
  await running;
});

test("a full queue says so instead of growing", () => {
  const { queue } = setUp(() => Promise.resolve(), { limit: 2 });
  queue.add("a");
  queue.add("b");
  queue.add("b");
  expect(() => queue.add("c")).toThrow(HomeplaneError);
});

test("a stop waits for what is in process and starts nothing more", async () => {
  const log: string[] = [];
  let end: (() => void) | undefined;
  const { queue, start, stop } = setUp(
    async (key, signal) => {
      log.push(key);
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      log.push(`${key} ${signal.aborted ? "stopped" : "ended"}`);
    },
    { workers: 1 },
  );
  queue.add("a");
  queue.add("b");
  const running = start();
  stop();
  await settle();
  end?.();
  await running;
  expect(log).toEqual(["a", "a stopped"]);
});

test("whatever is added when, and fails, the last addition of each key is followed by a success that began after it", async () => {
  const step = fc.tuple(
    fc.constantFrom("a", "b", "c", "d"),
    fc.nat({ max: 3_000 }),
    fc.nat({ max: 2_000 }),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (steps, workers, seed) => {
        const random = seededRandom(seed);
        const active = new Set<string>();
        const wanted = new Map<string, number>();
        const seen = new Map<string, number>();
        const faults: string[] = [];
        const world = setUp(
          async (key) => {
            if (active.has(key) || active.size >= workers) faults.push(`${key} while ${[...active].join()}`);
            active.add(key);
            const version = wanted.get(key) ?? 0;
            await new Promise<void>((resolve) => world.clock.after(random() * 1_000, resolve));
            active.delete(key);
            if (random() < 0.3) throw new Error("bad luck");
            seen.set(key, version);
          },
          { workers },
        );
        const running = world.start();
        for (const [key, wait, delay, delayed] of steps) {
          wanted.set(key, (wanted.get(key) ?? 0) + 1);
          if (delayed) world.queue.addAfter(key, delay);
          else world.queue.add(key);
          await world.clock.advance(wait);
        }
        await world.clock.advance(30 * 60_000);
        expect(faults).toEqual([]);
        expect(seen).toEqual(wanted);
        expect(world.queue.depth).toBe(0);
        await world.queue.idle();
        world.stop();
        await running;
      },
    ),
    { numRuns: 100 },
  );
});

test("100,000 keys pass in time that grows with their number", async () => {
  let count = 0;
  const { queue, start, stop } = setUp(
    () => {
      count++;
      return Promise.resolve();
    },
    { limit: 200_000 },
  );
  for (let i = 0; i < 100_000; i++) queue.add(`namespace/pod-${i}`);
  const running = start();
  await queue.idle();
  expect(count).toBe(100_000);
  stop();
  await running;
});

test("the limit never loses a key that was let in: delayed ones and retries come back to a full queue", async () => {
  const seen: string[] = [];
  const { clock, queue, start, stop } = setUp(
    async (key) => {
      seen.push(key);
      await new Promise<void>((resolve) => clock.after(10_000, resolve));
      if (seen.filter((other) => other === key).length === 1) throw new Error("once more");
    },
    { workers: 1, limit: 2 },
  );
  const running = start();
  for (const key of ["a", "b", "c"]) queue.add(key);
  queue.addAfter("d", 1);
  queue.addAfter("e", 1);
  expect(() => queue.addAfter("f", 1)).toThrow(HomeplaneError);
  await clock.advance(300_000);
  expect(seen.toSorted()).toEqual(["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"]);
  stop();
  await running;
});
