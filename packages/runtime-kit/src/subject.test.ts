import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Subject } from "./subject.ts";

test("a slow reader sees the last state whatever the interleaving, with never more wake-ups than publications", async () => {
  const steps = fc.array(fc.oneof(fc.constant("publish"), fc.constant("turn")), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 0, max: 3 }), async (order, slowness) => {
      const subject = new Subject<string>();
      const stop = new AbortController();
      let state = 0;
      let seen = -1;
      let wakes = 0;
      const reader = (async () => {
        for await (const _ of subject.subscribe("k", stop.signal)) {
          wakes++;
          const read = state;
          for (let turn = 0; turn < slowness; turn++) await Promise.resolve();
          seen = read;
        }
      })();
      for (const step of order) {
        if (step === "turn") await Promise.resolve();
        else {
          state++;
          subject.publish("k");
        }
      }
      await new Promise(setImmediate);
      expect(seen).toBe(state);
      expect(wakes).toBeLessThanOrEqual(state + 1);
      stop.abort();
      await reader;
    }),
  );
});

test("a reader is woken once for many publications while it was busy", async () => {
  const subject = new Subject<string>();
  const stop = new AbortController();
  const wakes = subject.subscribe("k", stop.signal);
  await wakes.next();
  for (let n = 0; n < 100; n++) subject.publish("k");
  await wakes.next();
  const third = wakes.next();
  expect(await Promise.race([third, new Promise((resolve) => setImmediate(resolve, "quiet"))])).toBe("quiet");
  stop.abort();
  expect(await third).toMatchObject({ done: true });
});

test("keys are apart, and readers of one key are all told", async () => {
  const subject = new Subject<string>();
  const stop = new AbortController();
  const readers = ["a", "a", "b"].map((key) => subject.subscribe(key, stop.signal));
  await Promise.all(readers.map((reader) => reader.next()));
  const states = ["quiet", "quiet", "quiet"];
  const done = readers.map(async (reader, index) => {
    if ((await reader.next()).done !== true) states[index] = "woken";
  });
  subject.publish("a");
  await new Promise(setImmediate);
  expect(states).toEqual(["woken", "woken", "quiet"]);
  stop.abort();
  await Promise.all(done);
});

test("a signal that aborted before yields nothing", async () => {
  expect(await new Subject<string>().subscribe("k", AbortSignal.abort()).next()).toMatchObject({ done: true });
});
