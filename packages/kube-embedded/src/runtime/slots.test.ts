import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Slots, slotPod } from "./slots.ts";

function pod(name: string, parent?: string, createdAt = "2026-01-01T00:00:00Z") {
  const labels: Record<string, string> = { "flyte.org/run": "r", "flyte.org/action": name };
  if (parent !== undefined) labels["homeplane.dev/parent"] = parent;
  return slotPod({ uid: name, key: `ns/${name}`, namespace: "ns", createdAt, labels });
}

test("no more pods than slots run, the longest waiting first", () => {
  const slots = new Slots(2);
  slots.wait(pod("late", undefined, "2026-01-01T00:00:02Z"));
  slots.wait(pod("first", undefined, "2026-01-01T00:00:00Z"));
  slots.wait(pod("second", undefined, "2026-01-01T00:00:01Z"));
  expect([slots.take()?.uid, slots.take()?.uid, slots.take()?.uid]).toEqual(["first", "second", undefined]);
  slots.release("second");
  expect(slots.take()?.uid).toBe("late");
});

test("a pod with a child that has not ended is not charged, and is charged again afterwards", () => {
  const slots = new Slots(1);
  slots.wait(pod("a0"));
  expect(slots.take()?.uid).toBe("a0");
  slots.wait(pod("other"));
  expect(slots.take()).toBeUndefined();
  slots.wait(pod("child", "a0", "2025-01-01T00:00:00Z"));
  expect(slots.take()?.uid).toBe("child");
  expect(slots.take()).toBeUndefined();
  slots.release("child");
  expect(slots.charged()).toBe(1);
  expect(slots.take()).toBeUndefined();
  slots.release("a0");
  expect(slots.take()?.uid).toBe("other");
});

test("a namesake of another run or namespace is nobody's child", () => {
  const slots = new Slots(1);
  slots.wait(pod("a0"));
  slots.take();
  const labels = { "flyte.org/run": "other", "flyte.org/action": "c", "homeplane.dev/parent": "a0" };
  slots.wait(slotPod({ uid: "c", key: "ns/c", namespace: "ns", createdAt: "", labels }));
  slots.wait(
    slotPod({ uid: "d", key: "x/d", namespace: "x", createdAt: "", labels: { ...labels, "flyte.org/run": "r" } }),
  );
  expect(slots.take()).toBeUndefined();
});

test("any tree of pods that wait for their children comes to its end, on any number of slots", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 30 }),
      (total, parents) => {
        const slots = new Slots(total);
        const parentOf = parents.map((n, i) => (i === 0 ? undefined : n % i));
        const open = parentOf.map((_, i) => parentOf.filter((parent) => parent === i).length);
        const running = new Set<number>();
        let ended = 0;
        slots.wait(pod("0"));
        for (let step = 0; step < parents.length * 3 && ended < parents.length; step++) {
          for (let next = slots.take(); next !== undefined; next = slots.take()) {
            const n = Number(next.uid);
            running.add(n);
            parentOf.forEach((parent, child) => parent === n && slots.wait(pod(`${child}`, `${n}`)));
          }
          const done = [...running].find((n) => open[n] === 0);
          if (done === undefined) continue;
          running.delete(done);
          slots.release(`${done}`);
          ended++;
          const parent = parentOf[done];
          if (parent !== undefined) open[parent] = (open[parent] ?? 0) - 1;
        }
        expect(ended).toBe(parents.length);
        expect(slots.charged()).toBe(0);
      },
    ),
  );
});
