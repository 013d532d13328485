import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Fault } from "./testing/fake-node.ts";
import {
  archived,
  createPod,
  readAllLogs,
  released,
  remove,
  request,
  setPhase,
  startWorld,
  textOf,
} from "./testing/world.ts";

/** Few seconds and nanoseconds, so that times repeat and are out of order now and then. */
const line = fc.record({
  step: fc.integer({ min: 0, max: 2 }),
  nanos: fc.constantFrom("000000001", "000000002", "5"),
  text: fc.constantFrom("", "same", "größer ☃ 🚀", "2026-01-01T00:00:00Z looks like a time", "x".repeat(300)),
});

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant("cut" as const), afterBytes: fc.integer({ min: 0, max: 1500 }), clean: fc.boolean() }),
  fc.constant({ kind: "refuse" as const }),
);

test("nothing is lost or doubled, live or archived, wherever connections break", async () => {
  await using world = await startWorld();
  let run = 0;
  const property = fc.asyncProperty(
    fc.array(line, { maxLength: 25 }),
    fc.array(fault, { maxLength: 4 }),
    fc.integer({ min: 1, max: 200 }),
    fc.boolean(),
    fc.nat({ max: 25 }),
    async (all, faults, chunkBytes, endsWithNewline, early) => {
      const action = `a${run++}`;
      const name = `run1-${action}-12345678-1-0`;
      let second = 0;
      const raw = all.map(({ step, nanos, text }, n) => {
        second += step;
        const time = `${new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString().slice(0, 19)}.${nanos}Z`;
        return `${time} ${text}${endsWithNewline || n < all.length - 1 ? "\n" : ""}`;
      });
      const expected = all.map(({ text }) => `${text}\n`).join("");
      world.node.chunkBytes = chunkBytes;
      world.node.faults.splice(0, Infinity, ...faults);
      await createPod(world, { name, action });
      await setPhase(world, name, "Running");
      world.node.write(name, "main", ...raw.slice(0, early));
      const of = request({
        actionId: { run: { project: "shop", domain: "dev", name: "run1" }, name: action } as never,
      });
      const reading = readAllLogs(world, of);
      await new Promise((resolve) => setImmediate(resolve));
      world.node.write(name, "main", ...raw.slice(early));
      world.node.end(name, "main");
      await setPhase(world, name, "Succeeded");
      expect(textOf(await reading)).toBe(expected);
      await released(world, name);
      expect(await archived(world, `acme/shop/dev/run1/${action}/1/logs/${name}.main.log`)).toEqual(
        world.node.bytes(name, "main"),
      );
      await remove(world, name);
      expect(textOf(await readAllLogs(world, of))).toBe(expected);
    },
  );
  // Readings that broke off in the midst of a line that was sent already, each at another place, were once taken for the end.
  const twoLines = ["x".repeat(300), ""].map((text) => ({ step: 0, nanos: "000000001", text }));
  const cut = (afterBytes: number, clean: boolean): Fault => ({ kind: "cut", afterBytes, clean });
  const breaks = [cut(335, false), cut(66, true), cut(62, true)];
  await fc.assert(property, { numRuns: 60, examples: [[twoLines, breaks, 1, false, 0]] });
});
