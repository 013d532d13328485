import { expect, test } from "vitest";
import { type Clock, pause, sleep, systemClock } from "./clock.ts";

/** Time that moves when it is told to. */
function manualClock(): Clock & { fire(): void; readonly waiting: () => number } {
  const timers = new Set<() => void>();
  return {
    now: () => 0,
    after(_, run) {
      timers.add(run);
      return () => timers.delete(run);
    },
    fire: () => {
      for (const run of [...timers]) if (timers.delete(run)) run();
    },
    waiting: () => timers.size,
  };
}

test("sleep ends when its time has come, and leaves no listener behind", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const done = sleep(clock, 1000, stop.signal);
  clock.fire();
  await done;
  stop.abort(new Error("late"));
  await expect(done).resolves.toBeUndefined();
});

test("sleep that is aborted rejects with the signal's reason and cancels its timer", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const done = sleep(clock, 1000, stop.signal);
  stop.abort(new Error("stopped"));
  await expect(done).rejects.toThrow("stopped");
  expect(clock.waiting()).toBe(0);
});

test("a pause ends when its time has come or when it is aborted, without an error", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const whole = pause(clock, 1000, stop.signal);
  clock.fire();
  await whole;
  const cut = pause(clock, 1000, stop.signal);
  stop.abort(new Error("stopped"));
  await cut;
  expect(clock.waiting()).toBe(0);
});

test("sleep under a signal that has aborted already starts no timer", async () => {
  const clock = manualClock();
  await expect(sleep(clock, 1000, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  expect(clock.waiting()).toBe(0);
});

test("a delay beyond what setTimeout takes does not fire at once", async () => {
  let fired = false;
  const cancel = systemClock.after(2 ** 40, () => {
    fired = true;
  });
  await sleep(systemClock, 20);
  cancel();
  expect(fired).toBe(false);
});
