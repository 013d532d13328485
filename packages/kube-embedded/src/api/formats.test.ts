import { expect, test } from "vitest";
import { humanDuration } from "./duration.ts";
import { compileJsonPath } from "./json-path.ts";
import { mergePatch } from "./merge-patch.ts";
import { parseProtobuf } from "./protobuf.ts";
import { strategicPatch } from "./strategic-patch.ts";

test.each([
  [-5, "<invalid>"],
  [0, "0s"],
  [119, "119s"],
  [125, "2m5s"],
  [600, "10m"],
  [3 * 3600, "3h"],
  [3 * 3600 + 60, "3h1m"],
  [47 * 3600, "47h"],
  [3 * 86_400 + 3600, "3d1h"],
  [400 * 86_400, "400d"],
  [800 * 86_400, "2y70d"],
])("%i s are shown as %s", (seconds, shown) => {
  expect(humanDuration(seconds)).toBe(shown);
});

const object = {
  metadata: { labels: { "a.b/c": "dotted" } },
  spec: {
    list: [
      { n: 1, on: true },
      { n: 2, on: false },
    ],
  },
  status: { conditions: [{ type: "Ready", status: "True" }] },
};

test.each<[string, unknown[]]>([
  [".spec.list[0].n", [1]],
  [".spec.list[-1].n", [2]],
  [".spec.list[*].n", [1, 2]],
  ["{.spec.list[?(@.on==true)].n}", [1]],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  [".status.conditions[?(@.type!='Ready')].status", []],
  [".metadata.labels.a\\.b/c", ["dotted"]],
  [".metadata.labels['a\\.b/c']", ["dotted"]],
  [".missing.toString", []],
])("JSONPath %s", (path, values) => {
  expect(compileJsonPath(path)(object)).toEqual(values);
});

test("a JSONPath that is not understood is refused, not guessed", () => {
  expect(() => compileJsonPath(".spec.list[?(@.n>1)]")).toThrow("unsupported JSONPath");
});

test("merge patches follow the examples of RFC 7386", () => {
  expect(mergePatch({ a: "b" }, { a: null, b: "c" })).toEqual({ b: "c" });
  expect(mergePatch({ a: [{ b: "c" }] }, { a: [1] })).toEqual({ a: [1] });
  expect(mergePatch({ a: { b: "c" } }, { a: { b: "d", c: null } })).toEqual({ a: { b: "d" } });
  expect(mergePatch({}, { a: { bb: { ccc: null } } })).toEqual({ a: { bb: {} } });
  expect(mergePatch([1, 2], { a: "b" })).toEqual({ a: "b" });
});

test("strategic patches merge keyed lists, delete by directive and keep the asked order", () => {
  const target = {
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ],
    command: ["x"],
    finalizers: ["f", "g"],
  };
  const patch = {
    "$setElementOrder/env": [{ name: "C" }, { name: "A" }],
    env: [
      { name: "C", value: "3" },
      { name: "B", $patch: "delete" },
    ],
    command: ["y"],
    "$deleteFromPrimitiveList/finalizers": ["f"],
  };
  const merged = {
    env: [
      { name: "C", value: "3" },
      { name: "A", value: "1" },
    ],
    command: ["y"],
    finalizers: ["g"],
  };
  expect(strategicPatch(target, patch)).toEqual(merged);
});

test("the protobuf of kubectl create secret is understood, junk is refused", () => {
  const field = (tag: number, ...bytes: number[]): number[] => [tag * 8 + 2, bytes.length, ...bytes];
  const text = (tag: number, value: string): number[] => field(tag, ...Buffer.from(value));
  const secret = [
    ...field(1, ...text(1, "s"), ...field(11, ...text(1, "l"), ...text(2, "v"))),
    ...field(2, ...text(1, "k"), ...field(2, 0, 255)),
    ...text(3, "Opaque"),
  ];
  const body = [...Buffer.from("k8s\0"), ...field(1, ...text(1, "v1"), ...text(2, "Secret")), ...field(2, ...secret)];
  const decoded = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", labels: { l: "v" } },
    data: { k: "AP8=" },
    type: "Opaque",
  };
  expect(parseProtobuf(new Uint8Array(body))).toEqual(decoded);
  expect(() => parseProtobuf(new Uint8Array(body.slice(0, -3)))).toThrow("truncated");
  expect(() => parseProtobuf(new Uint8Array([1, 2, 3]))).toThrow("envelope");
});
