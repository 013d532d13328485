import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import descriptors from "./gen/descriptors.json" with { type: "json" };
import { RunIdentifierSchema } from "./gen/flyteidl2/common/identifier_pb.ts";
import { TaskSpecSchema } from "./gen/flyteidl2/task/task_definition_pb.ts";

const room = join(import.meta.dirname, "..");

test("src/gen was made from the proto files that lie here: after a change run `npm run idl`", () => {
  const sources = globSync("proto/homeplane/**/*.proto", { cwd: room }).toSorted();
  const content = Buffer.concat(sources.map((file) => readFileSync(join(room, file))));
  expect(createHash("sha256").update(content).digest("hex")).toBe(descriptors.homeplane);
});

test("src/gen was made from the version of flyteidl2 that is asked for", () => {
  expect(readFileSync(join(room, "scripts/requirements.txt"), "utf8")).toContain(
    `flyteidl2==${descriptors.flyteidl2}\n`,
  );
});

test("fields of a newer client survive being decoded and encoded, also deep inside", () => {
  // Field 1000, length-delimited, "new": tag (1000 << 3) | 2 as a varint.
  const unknown = Buffer.from([0xc2, 0x3e, 3, ...Buffer.from("new")]);
  const known = toBinary(RunIdentifierSchema, create(RunIdentifierSchema, { name: "r1" }));
  const message = Buffer.concat([known, unknown]);
  expect(Buffer.from(toBinary(RunIdentifierSchema, fromBinary(RunIdentifierSchema, message)))).toEqual(message);
  // TaskSpec.task_template is field 1.
  const template = Buffer.concat([Buffer.from([0x0a, unknown.length]), unknown]);
  expect(Buffer.from(toBinary(TaskSpecSchema, fromBinary(TaskSpecSchema, template)))).toEqual(template);
});
