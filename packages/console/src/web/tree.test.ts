import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Action, actionTitle, flattenTree, timeSpan, wholeSpan } from "./tree.js";

const action = (name: string, parent: string, second = 0): Action => ({
  id: { name },
  metadata: { parent },
  status: { startTime: new Date(second * 1000).toISOString() },
});
const outline = (actions: readonly Action[], collapsed: readonly string[] = []): string[] =>
  flattenTree(actions, new Set(collapsed)).map((row) => "-".repeat(row.depth) + row.action.id.name);

const run = [
  action("c", "a0", 3),
  action("a0", "", 0),
  action("b", "a0", 2),
  action("b1", "b", 5),
  action("b0", "b", 4),
];

describe("flattenTree", () => {
  test("children stand below their parent, in the order in which they started", () => {
    expect(outline(run)).toEqual(["a0", "-b", "--b0", "--b1", "-c"]);
  });

  test("what lies below a collapsed action is left out, and is counted", () => {
    expect(outline(run, ["b"])).toEqual(["a0", "-b", "-c"]);
    expect(flattenTree(run, new Set(["b"]))[1]).toMatchObject({ children: 2, collapsed: true });
  });

  test("a child whose parent is not known yet stands at the top", () => {
    expect(outline([action("x", "later", 1), action("a0", "", 0)])).toEqual(["a0", "x"]);
  });

  test("whatever the parents are, cycles too, every action appears exactly once", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const parents = fc.array(fc.constantFrom(...names, "", "unknown"), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(parents, (list) => {
        const actions = names.map((name, index) => action(name, list[index] ?? ""));
        expect(
          flattenTree(actions, new Set())
            .map((row) => row.action.id.name)
            .toSorted(),
        ).toEqual(names);
      }),
    );
  });

  test("a chain of 50,000 actions does not exhaust the stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, index) => action(`n${index}`, index === 0 ? "" : `n${index - 1}`));
    expect(flattenTree(chain, new Set())).toHaveLength(50_000);
  });
});

describe("spans", () => {
  test("an action without an end lasts until now", () => {
    expect(timeSpan({ startTime: "1970-01-01T00:00:01Z" }, 5000)).toEqual({ start: 1000, end: 5000, open: true });
    const ended = { startTime: "1970-01-01T00:00:01Z", endTime: "1970-01-01T00:00:03.500000001Z" };
    expect(timeSpan(ended, 5000)).toEqual({ start: 1000, end: 3500, open: false });
    expect(timeSpan({}, 5000)).toBeUndefined();
  });

  test("a browser whose clock is behind shows nothing negative", () => {
    expect(timeSpan({ startTime: "1970-01-01T00:00:09Z" }, 5000)).toEqual({ start: 9000, end: 9000, open: true });
  });

  test("the axis goes from the first start to the last end and is never empty", () => {
    expect(wholeSpan([action("a", "", 2), action("b", "", 4)], 9000)).toEqual({ start: 2000, end: 9000 });
    expect(wholeSpan([], 9000)).toEqual({ start: 9000, end: 9001 });
  });
});

test("an action's title is its task's short name, else what names it best", () => {
  expect(actionTitle({ id: { name: "a0" }, metadata: { task: { shortName: "main", id: { name: "env.main" } } } })).toBe(
    "main",
  );
  expect(actionTitle({ id: { name: "x" }, metadata: { trace: { name: "load" } } })).toBe("load");
  expect(actionTitle({ id: { name: "x" } })).toBe("x");
});
