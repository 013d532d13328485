import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { VariableMapSchema } from "@homeplane/idl/flyteidl2/core/interface";
import { BlobType_BlobDimensionality as Dimensionality, SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { InputsSchema, OutputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { readAll } from "@homeplane/object-store";
import { systemClock } from "@homeplane/runtime-kit";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFsObjectStore, type ObjectStore } from "@homeplane/object-store";
import { writeInputs } from "./inputs.ts";
import { literalOf, textOf } from "./literal-text.ts";
import { storeOutputs } from "./outputs.ts";

let root = "";
let store: ObjectStore;
const signal = new AbortController().signal;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "raw-container-"));
  store = await openFsObjectStore({ root: join(root, "store"), buckets: ["data"], clock: systemClock });
  await mkdir(join(root, "files"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

type LiteralInit = MessageInitShape<typeof LiteralSchema>;
const blob = (uri: string, dimensionality: Dimensionality): LiteralInit => ({
  value: { case: "scalar", value: { value: { case: "blob", value: { uri, metadata: { type: { dimensionality } } } } } },
});
const file = (key: string) =>
  store.get("data", key).then(async ({ body }) => Buffer.from(await readAll(body, 1 << 20)).toString());

async function inputs(literals: { name: string; value: LiteralInit }[], namedDirs = false): Promise<void> {
  await store.put("data", "in/inputs.pb", toBinary(InputsSchema, create(InputsSchema, { literals })));
  await writeInputs({ store, inputUri: "s3://data/in/inputs.pb", folder: join(root, "files"), namedDirs, signal });
}
const read = (name: string) => readFile(join(root, "files", name), "utf8");

test("inputs are files of their names: values, files, folders, lists of files", async () => {
  for (const key of ["x/one.csv", "x/dir/a", "x/dir/deep/b"]) await store.put("data", key, Buffer.from(key));
  const one = blob("s3://data/x/one.csv", Dimensionality.SINGLE);
  await inputs([
    { name: "n", value: literalOf(SimpleType.INTEGER, "-7") },
    { name: "f", value: one },
    { name: "d", value: blob("s3://data/x/dir", Dimensionality.MULTIPART) },
    { name: "list", value: { value: { case: "collection", value: { literals: [one, one] } } } },
  ]);
  expect(await Promise.all(["n", "f", "d/a", "d/deep/b", "list/0", "list/1"].map(read))).toEqual([
    ...["-7", "x/one.csv", "x/dir/a", "x/dir/deep/b", "x/one.csv", "x/one.csv"],
  ]);
  expect(JSON.parse(await read("inputs.json"))).toMatchObject({ n: "-7", f: join(root, "files/f") });
});

test("with named folders a file keeps its name, and two of one name do not meet", async () => {
  await store.put("data", "x/one.csv", Buffer.from("1"));
  const one = blob("s3://data/x/one.csv", Dimensionality.SINGLE);
  await inputs(
    [
      { name: "f", value: one },
      { name: "l", value: { value: { case: "collection", value: { literals: [one, one] } } } },
    ],
    true,
  );
  expect(await Promise.all(["f/one.csv", "l/one.csv", "l/1_one.csv"].map(read))).toEqual(["1", "1", "1"]);
});

test.each(["../evil", "a/b", "..", ""])("an input of the name %j is refused", async (name) => {
  await expect(inputs([{ name, value: literalOf(SimpleType.INTEGER, "1") }])).rejects.toThrow("is no name of a file");
});

const simple = (type: SimpleType) => ({ type: { type: { case: "simple" as const, value: type } } });
const blobType = (dimensionality: Dimensionality) => ({
  type: { type: { case: "blob" as const, value: { dimensionality } } },
});
const outputs = (variables: MessageInitShape<typeof VariableMapSchema>["variables"]) =>
  storeOutputs({
    store,
    folder: join(root, "files"),
    prefix: "s3://data/out/1",
    variables: create(VariableMapSchema, { variables: variables ?? [] }),
    signal,
  });

test("outputs are what the container left, each as its declared type", async () => {
  await mkdir(join(root, "files/d/deep"), { recursive: true });
  for (const [name, text] of Object.entries({ n: " 12\n", s: "a\n", f: "file", "d/deep/x": "x" }))
    await writeFile(join(root, "files", name), text);
  await outputs([
    { key: "n", value: simple(SimpleType.INTEGER) },
    { key: "s", value: simple(SimpleType.STRING) },
    { key: "f", value: blobType(Dimensionality.SINGLE) },
    { key: "d", value: blobType(Dimensionality.MULTIPART) },
  ]);
  const { literals } = fromBinary(
    OutputsSchema,
    await readAll((await store.get("data", "out/1/outputs.pb")).body, 1 << 20),
  );
  expect(literals.slice(0, 2).map(({ name, value }) => [name, value && textOf(value)])).toEqual([
    ["n", "12"],
    ["s", "a\n"],
  ]);
  expect(JSON.stringify(literals.slice(2))).toContain("s3://data/out/1/raw/f");
  expect([await file("out/1/raw/f"), await file("out/1/raw/d/deep/x")]).toEqual(["file", "x"]);
});

test.each([
  ["was not written", undefined, SimpleType.INTEGER, "the container left no"],
  ["is no integer", "12.5", SimpleType.INTEGER, '"12.5" is no integer'],
  ["is no duration", "long", SimpleType.DURATION, '"long" is no duration (12.5s, 1:02:03'],
  ["is no boolean", "yes", SimpleType.BOOLEAN, "is no boolean (true, false)"],
])("an output that %s is told by name, and nothing counts as stored", async (_, text, type, problem) => {
  if (text !== undefined) await writeFile(join(root, "files/o"), text);
  const failure = outputs([{ key: "o", value: simple(type) }]);
  await expect(failure).rejects.toThrow(problem);
  await expect(failure).rejects.toThrow('output "o"');
  await expect(store.head("data", "out/1/outputs.pb")).rejects.toMatchObject({ code: "NotFound" });
});

test.each([
  ["12.5s", "12.5s"],
  ["0:00:07", "7s"],
  ["1:02:03.250000", "3723.25s"],
  ["1 day, 0:00:01", "86401s"],
  ["-1 day, 23:59:59", "-1s"],
  ["0:00:07.123456", "7.123456s"],
  ["0:00:00.000001", "0.000001s"],
  ["0:00:59.999999", "59.999999s"],
  ["-1 day, 23:59:58.500000", "-1.5s"],
  ["-1 day, 23:59:59.250000", "-0.75s"],
  ["-1.000000001s", "-1.000000001s"],
])("a duration is read as Python writes it, and can be stored: %s", (text, same) => {
  const literal = literalOf(SimpleType.DURATION, text);
  expect(textOf(fromBinary(LiteralSchema, toBinary(LiteralSchema, literal)))).toBe(same);
});

test("what is written as text is read back as the same value", () => {
  const integers = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((value) => [SimpleType.INTEGER, String(value)] as const);
  const strings = fc.string().map((value) => [SimpleType.STRING, value] as const);
  const floats = fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value) => [SimpleType.FLOAT, String(value)] as const);
  fc.assert(
    fc.property(fc.oneof(integers, strings, floats), ([type, text]) => {
      expect(textOf(literalOf(type, textOf(literalOf(type, text)) ?? ""))).toBe(textOf(literalOf(type, text)));
    }),
  );
});
