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

test("60 children of one pod, each with a child of its own, never run more than slots at each depth", () => {
  const slots = new Slots(4);
  const running = new Set<string>();
  let most = 0;
  const admit = (): void => {
    for (let next = slots.take(); next !== undefined; next = slots.take()) running.add(next.uid);
    most = Math.max(most, running.size);
  };
  const end = (uid: string): void => {
    expect(running.delete(uid)).toBe(true);
    slots.release(uid);
    admit();
  };
  slots.wait(pod("root"));
  admit();
  for (let n = 0; n < 60; n++) slots.wait(pod(`child-${n}`, "root"));
  admit();
  const made = new Set<string>();
  for (let n = 0; n < 60; n++) {
    // All that run make their child before the first of these ends: the worst order.
    for (const uid of running) {
      if (!uid.startsWith("child") || made.has(uid)) continue;
      made.add(uid);
      slots.wait(pod(`grand${uid}`, uid, "2026-01-01T00:00:09Z"));
      admit();
    }
    const grandchild = [...running].find((uid) => uid.startsWith("grand"));
    if (grandchild === undefined) throw new Error("no grandchild runs");
    end(grandchild);
    end(grandchild.slice("grand".length));
  }
  end("root");
  expect(most).toBe(1 + 4 + 4);
});

test("labels that go round in a circle keep nobody waiting", () => {
  const slots = new Slots(4);
  for (const [name, parent] of [
    ["a", "b"],
    ["b", "a"],
    ["self", "self"],
    ["c", "a"],
  ] as const)
    slots.wait(pod(name, parent));
  expect(new Set([1, 2, 3, 4].map(() => slots.take()?.uid))).toEqual(new Set(["a", "b", "c", "self"]));
});

test("any trees of pods that wait for their children end, on any number of slots; never run more than slots x depth", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 80 }),
      (total, parents, choices) => {
        const slots = new Slots(total);
        const parentOf = parents.map((n, i) => (n % (i + 1) === i ? undefined : n % (i + 1)));
        const depthOf: number[] = [];
        for (const parent of parentOf) depthOf.push(parent === undefined ? 1 : (depthOf[parent] ?? 0) + 1);
        const open = parentOf.map((_, i) => parentOf.filter((parent) => parent === i).length);
        const unborn = new Set(parentOf.keys());
        const running = new Set<number>();
        // Each pod is made once and ends once: in any order in which nobody is made before its parent runs or ends before its children.
        for (let step = 0; step < parents.length * 2; step++) {
          const born = [...unborn].filter((n) => parentOf[n] === undefined || running.has(parentOf[n]));
          const ends = [...running].filter((n) => open[n] === 0);
          const able = [...born, ...ends];
          const n = able[(choices[step % choices.length] ?? 0) % able.length];
          if (n === undefined) throw new Error("all that run wait for one another");
          const parent = parentOf[n];
          if (unborn.delete(n)) {
            // A date that has nothing to do with the order: no rule may depend on parents being older.
            const createdAt = `2026-01-01T00:00:${String((parents[n] ?? 0) % 60).padStart(2, "0")}Z`;
            slots.wait(pod(`${n}`, parent === undefined ? undefined : `${parent}`, createdAt));
          } else {
            running.delete(n);
            slots.release(`${n}`);
            if (parent !== undefined) open[parent] = (open[parent] ?? 0) - 1;
          }
          for (let next = slots.take(); next !== undefined; next = slots.take()) running.add(Number(next.uid));
          expect(running.size).toBeLessThanOrEqual(total * Math.max(...depthOf));
        }
        expect([unborn.size, running.size, slots.charged()]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 500 },
  );
});
