import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Placement } from "./placement.ts";
import { placedPod } from "./pod-family.ts";

type Requests = Record<string, string>;

function pod(name: string, parent?: string, createdAt = "2026-01-01T00:00:00Z", requests: Requests = {}) {
  const labels: Record<string, string> = { "flyte.org/run": "r", "flyte.org/action": name };
  if (parent !== undefined) labels["homeplane.dev/parent"] = parent;
  const spec = { containers: [{ name: "main", resources: { requests } }] };
  return placedPod({ uid: name, key: `ns/${name}`, namespace: "ns", createdAt, labels, spec });
}

/** A node with room for so many pods, and nothing else. */
class Slots extends Placement {
  constructor(pods: number) {
    super(new Map([["pods", pods * 1000]]));
  }
  charged(slots: number): number {
    return slots - (this.free().get("pods") ?? 0) / 1000;
  }
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
  expect(slots.charged(1)).toBe(1);
  expect(slots.take()).toBeUndefined();
  slots.release("a0");
  expect(slots.take()?.uid).toBe("other");
});

test("a namesake of another run or namespace is nobody's child", () => {
  const slots = new Slots(1);
  slots.wait(pod("a0"));
  slots.take();
  const spec = { containers: [] };
  const labels = { "flyte.org/run": "other", "flyte.org/action": "c", "homeplane.dev/parent": "a0" };
  slots.wait(placedPod({ uid: "c", key: "ns/c", namespace: "ns", createdAt: "", labels, spec }));
  slots.wait(
    placedPod({
      uid: "d",
      key: "x/d",
      namespace: "x",
      createdAt: "",
      labels: { ...labels, "flyte.org/run": "r" },
      spec,
    }),
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
        expect([unborn.size, running.size, slots.charged(total)]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 500 },
  );
});

const node = (cpu: number, memory: number): Placement =>
  new Placement(
    new Map([
      ["pods", 110_000],
      ["cpu", cpu * 1000],
      ["memory", memory * 1000],
    ]),
  );

test("pods run as long as what they request is there; a large one that is next is not passed by small ones", () => {
  const placement = node(2, 100);
  placement.wait(pod("a", undefined, "1", { cpu: "1500m" }));
  placement.wait(pod("large", undefined, "2", { cpu: "1", memory: "60" }));
  placement.wait(pod("small", undefined, "3", { cpu: "100m" }));
  expect([placement.take()?.uid, placement.take()]).toEqual(["a", undefined]);
  expect(placement.shortage("large")).toEqual({ lacking: ["cpu"], never: false });
  expect(placement.shortage("small")).toEqual({ lacking: [], never: false });
  placement.release("a");
  expect([placement.take()?.uid, placement.take()?.uid]).toEqual(["large", "small"]);
});

test("a pod that asks for more than the node has waits for ever, says so, and holds up nobody", () => {
  const placement = node(2, 100);
  placement.wait(pod("huge", undefined, "1", { cpu: "3", memory: "101", "nvidia.com/gpu": "1" }));
  placement.wait(pod("a", undefined, "2", { cpu: "2" }));
  expect(placement.shortage("huge")).toEqual({ lacking: ["cpu", "memory", "nvidia.com/gpu"], never: true });
  expect(placement.take()?.uid).toBe("a");
  placement.release("huge");
  expect(placement.shortage("huge")).toBeUndefined();
});

test("a parent that waits holds no memory against its children: nesting deeper than the node is large ends", () => {
  const placement = node(1, 100);
  for (let n = 0; n < 50; n++) {
    placement.wait(pod(`p${n}`, n === 0 ? undefined : `p${n - 1}`, String(n), { cpu: "1", memory: "100" }));
    expect(placement.take()?.uid).toBe(`p${n}`);
  }
});

test("any trees of pods of any sizes that fit the node end; who is let in finds what it asks for", () => {
  const size = fc.record({ cpu: fc.integer({ min: 0, max: 3 }), memory: fc.integer({ min: 0, max: 10 }) });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), size), { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 80 }),
      (tree, choices) => {
        const placement = node(3, 10);
        const parentOf = tree.map(([n], i) => (n % (i + 1) === i ? undefined : n % (i + 1)));
        const open = parentOf.map((_, i) => parentOf.filter((parent) => parent === i).length);
        const unborn = new Set(parentOf.keys());
        const running = new Set<number>();
        for (let step = 0; step < tree.length * 2; step++) {
          const born = [...unborn].filter((n) => parentOf[n] === undefined || running.has(parentOf[n]));
          const able = [...born, ...[...running].filter((n) => open[n] === 0)];
          const n = able[(choices[step % choices.length] ?? 0) % able.length];
          if (n === undefined) throw new Error("all that run wait for one another");
          const parent = parentOf[n];
          if (unborn.delete(n)) {
            const { cpu, memory } = tree[n]?.[1] ?? { cpu: 0, memory: 0 };
            const requests = { cpu: String(cpu), memory: String(memory) };
            placement.wait(pod(`${n}`, parent === undefined ? undefined : `${parent}`, String(tree[n]?.[0]), requests));
          } else {
            running.delete(n);
            placement.release(`${n}`);
            if (parent !== undefined) open[parent] = (open[parent] ?? 0) - 1;
          }
          for (let next = placement.take(); next !== undefined; next = placement.take()) {
            running.add(Number(next.uid));
            const free = placement.free();
            for (const [name, amount] of next.requests)
              if (amount > 0) expect(free.get(name)).toBeGreaterThanOrEqual(0);
          }
        }
        expect([unborn.size, running.size]).toEqual([0, 0]);
      },
    ),
    { numRuns: 500 },
  );
});
