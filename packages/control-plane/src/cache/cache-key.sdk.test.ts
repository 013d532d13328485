/** The key of a root, compared with what the SDK itself makes of the same inputs for a child; any inputs, both SDKs. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { IdentifierSchema } from "@homeplane/idl/flyteidl2/core/identifier";
import { TypedInterfaceSchema, VariableEntrySchema } from "@homeplane/idl/flyteidl2/core/interface";
import {
  RuntimeMetadataSchema,
  TaskMetadataSchema,
  type TaskTemplate,
  TaskTemplateSchema,
} from "@homeplane/idl/flyteidl2/core/tasks";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { InputsSchema, type NamedLiteral } from "@homeplane/idl/flyteidl2/task/common";
import type { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { describe, expect, test } from "vitest";
import { cacheKey, inputsHash } from "./cache-key.ts";

const tools = join(import.meta.dirname, "../../../../.tools");
const sdks = [
  { version: "2.12.1", python: join(tools, "python/bin/python") },
  { version: "2.5.8", python: join(tools, "sdk-2.5.8/bin/python") },
].filter(({ python }) => existsSync(python));

/** Reads inputs and a template as base64, one pair a line; prints the keys. Msgpack values come from msgpack itself. */
const program = `
import base64, sys, json, msgpack
from flyteidl2.task import common_pb2
from flyteidl2.core import tasks_pb2
from flyte._internal.runtime import convert
for line in sys.stdin:
    inputs, template = (base64.b64decode(part) for part in line.split(" "))
    i = common_pb2.Inputs.FromString(inputs)
    t = tasks_pb2.TaskTemplate.FromString(template)
    print(convert.generate_cache_key_hash(t.id.name, convert.generate_inputs_hash_from_proto(i), t.interface,
        t.metadata.discovery_version, list(t.metadata.cache_ignore_input_vars), i))
`;

const encode = `
import base64, sys, json, msgpack
for line in sys.stdin:
    print(base64.b64encode(msgpack.packb(json.loads(line))).decode())
`;

function python(path: string, code: string, lines: readonly string[]): string[] {
  const { stdout, stderr, status } = spawnSync(path, ["-c", code], {
    input: lines.map((line) => `${line}\n`).join(""),
  });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout.toString().trimEnd().split("\n");
}

type LiteralInit = Parameters<typeof create<typeof LiteralSchema>>[1];

const key = fc.oneof(fc.constantFrom("a", "ab", "b", "10", "9", "é", "z z", ""), fc.string({ maxLength: 5 }));
const { literal } = fc.letrec<{ literal: LiteralInit }>((tie) => ({
  literal: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => primitive({ case: "integer", value })),
    fc.double().map((value) => primitive({ case: "floatValue", value })),
    fc.string({ maxLength: 8 }).map((value) => primitive({ case: "stringValue", value })),
    fc.boolean().map((value) => primitive({ case: "boolean", value })),
    fc.string({ minLength: 1, maxLength: 6 }).map((hash) => ({ hash })),
    fc
      .dictionary(key, fc.string({ maxLength: 3 }))
      .map((metadata) => ({ metadata, ...primitive({ case: "boolean", value: true }) })),
    fc.dictionary(key, fc.integer(), { maxKeys: 4 }).map((entries) => structOf(entries)),
    fc.array(tie("literal"), { maxLength: 3 }).map((literals) => ({
      value: { case: "collection" as const, value: { literals: literals as never[] } },
    })),
    fc.dictionary(key, tie("literal"), { maxKeys: 4 }).map((literals) => ({
      value: { case: "map" as const, value: { literals: literals as never } },
    })),
  ),
}));

const whole = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    whole,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => Math.abs(value) < 1e15),
    fc.string({ maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("json"), { maxLength: 20 }),
    fc.dictionary(key, tie("json"), { maxKeys: 20 }),
  ),
}));

function primitive(value: object): LiteralInit {
  return { value: { case: "scalar", value: { value: { case: "primitive", value: { value } } } } } as LiteralInit;
}

function structOf(entries: Record<string, number>): LiteralInit {
  return { value: { case: "scalar", value: { value: { case: "generic", value: entries } } } };
}

function msgpack(base64: string): LiteralInit {
  const binary = { tag: "msgpack", value: Buffer.from(base64, "base64") };
  return { value: { case: "scalar", value: { value: { case: "binary", value: binary } } } };
}

const inputsOf = (literals: Record<string, LiteralInit>) =>
  create(InputsSchema, {
    literals: Object.entries(literals).map(([name, value]) => ({ name, value }) as unknown as NamedLiteral),
  });

function templateOf(version: string, ignored: string[]): TaskTemplate {
  const variable = (name: string) =>
    create(VariableEntrySchema, {
      key: name,
      value: { type: { type: { case: "simple", value: SimpleType.INTEGER } } },
    });
  return create(TaskTemplateSchema, {
    id: create(IdentifierSchema, { name: "env.task" }),
    metadata: create(TaskMetadataSchema, {
      discoverable: true,
      discoveryVersion: "v1",
      cacheIgnoreInputVars: ignored,
      runtime: create(RuntimeMetadataSchema, { version, flavor: "python" }),
    }),
    interface: create(TypedInterfaceSchema, {
      inputs: { variables: [variable("y"), variable("x")] },
      outputs: { variables: [variable("o0")] },
    }),
  });
}

describe.skipIf(sdks.length === 0).each(sdks)("as the flyte SDK $version makes it", { timeout: 60_000 }, (sdk) => {
  const compare = (cases: { literals: Record<string, LiteralInit>; ignored?: string[] }[]) => {
    const made = cases.map(({ literals, ignored = [] }) => {
      const template = templateOf(sdk.version, ignored);
      return { bytes: toBinary(InputsSchema, inputsOf(literals)), template };
    });
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
    const lines = made.map(
      ({ bytes, template }) => `${base64(bytes)} ${base64(toBinary(TaskTemplateSchema, template))}`,
    );
    const theirs = python(sdk.python, program, lines);
    const ours = made.map(({ bytes, template }) =>
      cacheKey(inputsHash(fromBinary(InputsSchema, bytes), template), template),
    );
    const wrong = cases.filter((_, index) => ours[index] !== theirs[index]);
    expect(
      wrong.map(({ literals }) =>
        JSON.stringify(literals, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ),
    ).toEqual([]);
  };

  test("no inputs, and inputs that are ignored", () => {
    const one = primitive({ case: "integer", value: 1n });
    compare([
      { literals: {} },
      { literals: { x: one }, ignored: ["x"] },
      { literals: { x: one, y: one }, ignored: ["x"] },
    ]);
  });

  test("literals of every kind, nested", () => {
    const samples = fc.sample(fc.dictionary(fc.constantFrom("x", "y", "10", "2"), literal, { maxKeys: 3 }), 400);
    compare(samples.map((literals) => ({ literals })));
  });

  test("dataclasses and dicts, whose keys come in any order", () => {
    const values = fc.sample(json, 300).map((value) => JSON.stringify(value));
    const extra = [
      '{"b":1,"a":{"d":1,"c":[1.5,{"z":null,"y":-129}]}}',
      `{"${"k".repeat(300)}":"${"v".repeat(70000)}"}`,
    ];
    const packed = python(sdk.python, encode, [...values, ...extra]);
    compare(packed.map((base64) => ({ literals: { x: msgpack(base64) } })));
    compare([
      { literals: { x: msgpack("kw==") } },
      { literals: { x: msgpack("gqFhAaFhAg==") } },
      { literals: { x: msgpack("0P/N/////w==") } },
    ]);
  });
});
