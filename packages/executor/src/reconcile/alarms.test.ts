import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleTaskAction } from "../testing/samples.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { Alarms } from "./alarms.ts";

const quiet = async (): Promise<void> => undefined;
const taskAction = sampleTaskAction();
const uid = taskAction.metadata.uid ?? "";

function setUp() {
  const clock = new VirtualClock();
  const woken: number[] = [];
  const alarms = new Alarms(clock, () => woken.push(clock.monotonic()));
  const iso = (): string => new Date(clock.now()).toISOString();
  return { clock, woken, alarms, iso, start: clock.monotonic() };
}

describe("a bound on the time since something", () => {
  test("wakes its action when it ends, once, and is over from then on", async () => {
    const { clock, woken, alarms, iso, start } = setUp();
    const since = iso();
    expect(alarms.left(taskAction, "runtime", since, 5000)).toBe(5000);
    await clock.advance(4999, quiet);
    expect([alarms.left(taskAction, "runtime", since, 5000), woken]).toEqual([1, []]);
    await clock.advance(10_000, quiet);
    expect(woken).toEqual([start + 5000]);
    expect(alarms.left(taskAction, "runtime", since, 5000)).toBe(0);
  });

  test("ends after its time by this process' timer, wherever the wall clock is set back to", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ pass: fc.nat(3000), jump: fc.integer({ min: -100_000, max: 0 }) }), { maxLength: 10 }),
        async (steps) => {
          const { clock, alarms, iso, start } = setUp();
          const since = iso();
          alarms.left(taskAction, "runtime", since, 10_000);
          for (const { pass, jump } of steps) {
            await clock.advance(pass, quiet);
            clock.jump(jump);
            const left = alarms.left(taskAction, "runtime", since, 10_000);
            expect(left === 0).toBe(clock.monotonic() - start >= 10_000);
          }
        },
      ),
    );
  });

  test("never ends before its time because a time was written in whole seconds", () => {
    const { clock, alarms } = setUp();
    clock.jump(700);
    expect(alarms.left(taskAction, "deadline", "2030-01-01T00:00:00Z", 1000)).toBe(1000);
  });

  test("is over at once when it ended before this process began", () => {
    const { alarms, woken } = setUp();
    expect(alarms.left(taskAction, "deadline", "2029-12-31T23:00:00Z", 1000)).toBe(0);
    expect(woken).toEqual([]);
  });

  test("counts anew from another moment, and the timer of the one before is dropped", async () => {
    const { clock, woken, alarms, iso } = setUp();
    alarms.left(taskAction, "runtime", iso(), 5000);
    await clock.advance(3000, quiet);
    alarms.left(taskAction, "runtime", iso(), 5000);
    await clock.advance(4000, quiet);
    expect(woken).toEqual([]);
    await clock.advance(2000, quiet);
    expect(woken).toHaveLength(1);
  });

  test("may be longer than the longest timer, and what is forgotten never wakes anybody", async () => {
    const { clock, woken, alarms, iso } = setUp();
    const [since, days] = [iso(), 40 * 86_400_000];
    alarms.left(taskAction, "deadline", since, days);
    alarms.left(taskAction, "runtime", since, 1000);
    await clock.advance(days - 1, quiet);
    expect(woken).toHaveLength(1);
    await clock.advance(1, quiet);
    expect(woken).toHaveLength(2);
    alarms.left(taskAction, "queued", iso(), 1000);
    alarms.forget(uid);
    await clock.advance(5000, quiet);
    expect(woken).toHaveLength(2);
  });

  test("since a time that nobody can read counts from now", () => {
    const { alarms } = setUp();
    expect(alarms.left(taskAction, "deadline", "", 1000)).toBe(1000);
  });
});
