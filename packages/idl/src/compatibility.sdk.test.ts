/**
 * Both supported SDKs against our messages: whatever an SDK can name, we know under the same number, with the same type. Numbers that we
 * do not know survive as unknown fields; those that we know otherwise would be misread, and this is where it shows.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import type { DescEnum, DescFile, DescMessage, DescService, Registry } from "@bufbuild/protobuf";
import { createFileRegistry, createRegistry, fromBinary } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const script = join(root, "packages/idl/scripts/collect_descriptors.py");

/** What is different, and does no harm. A line more or less here is a change to look at. */
const differences: Readonly<Record<string, readonly string[]>> = {
  // Renamed since, to `queue`: the same on the wire.
  renamed: ["flyteidl2.task.RunSpec 6 cluster: 9", "flyteidl2.workflow.TaskAction 4 cluster: 9"],
  // Moved into a oneof since: the same on the wire.
  "made one of several": ["flyteidl2.workflow.WatchWindowedActionsRequest.UpdateWindow 1 selected_item_id: 9"],
  // Inputs of apps that refer to artifacts, under other numbers since. They stay unknown fields, so an app's spec comes back as it was.
  "kept as unknown fields": [
    "flyteidl2.app.Input 3 artifact_query: flyteidl2.core.ArtifactQuery optional in value",
    "flyteidl2.app.Input 4 artifact_id: flyteidl2.core.ArtifactID optional in value",
  ],
  // Only we would send them, and we do not.
  "never sent by an SDK": [
    "flyteidl2.settings.StringListSetting 1 state: flyteidl2.settings.SettingState",
    "flyteidl2.settings.StringListSetting 2 list_value: flyteidl2.settings.StringValues optional",
    "flyteidl2.settings.StringListSetting 3 scope_level: flyteidl2.settings.ScopeLevel",
    "flyteidl2.settings.StorageSettings 2 run_base_dir: flyteidl2.settings.StringSetting optional",
  ],
};

const sdks = [
  { version: "2.12.1", python: join(root, ".tools/python/bin/python"), expected: [] },
  {
    version: "2.5.8",
    python: join(root, ".tools/sdk-2.5.8/bin/python"),
    expected: Object.values(differences).flat().toSorted(),
  },
];

/** Ours, from the generated files themselves: what the services really use. */
async function ownRegistry(): Promise<Registry> {
  const paths = globSync("gen/flyteidl2/**/*_pb.ts", { cwd: import.meta.dirname });
  const modules = await Promise.all(paths.map((path) => import(join(import.meta.dirname, path)) as Promise<object>));
  const files = modules.flatMap((module) => Object.values(module) as unknown[]).filter(isFile);
  return createRegistry(...files);
}

const isFile = (value: unknown): value is DescFile =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "file";

/** Everything that the wire and the SDK's code depend on, as lines that can be compared. */
function linesOf(files: Iterable<DescFile>): string[] {
  const lines: string[] = [];
  const message = (desc: DescMessage): void => {
    for (const field of desc.fields) {
      const oneof = field.oneof === undefined ? "" : ` in ${field.oneof.name}`;
      lines.push(`${desc.typeName} ${field.number} ${field.name}: ${typeOf(field)}${oneof}`);
    }
    desc.nestedEnums.forEach(enumeration);
    desc.nestedMessages.forEach(message);
  };
  const enumeration = (desc: DescEnum): void => {
    for (const value of desc.values) lines.push(`${desc.typeName} ${value.number} ${value.name}`);
  };
  const service = (desc: DescService): void => {
    for (const { name, methodKind, input, output } of desc.methods)
      lines.push(`${desc.typeName}/${name}: ${methodKind} ${input.typeName} -> ${output.typeName}`);
  };
  for (const file of files) {
    if (!file.proto.package.startsWith("flyteidl2")) continue;
    file.messages.forEach(message);
    file.enums.forEach(enumeration);
    file.services.forEach(service);
  }
  return lines;
}

function typeOf(field: DescMessage["fields"][number]): string {
  const of = field.message?.typeName ?? field.enum?.typeName ?? String(field.scalar);
  if (field.fieldKind === "list") return `repeated ${of}`;
  if (field.fieldKind === "map") return `map ${field.mapKey} ${of}`;
  return `${of}${field.presence === FeatureSet_FieldPresence.EXPLICIT ? " optional" : ""}`;
}

describe.each(sdks)("flyte $version", ({ python, expected }) => {
  const known = existsSync(python);
  let theirs: string[] = [];
  let ours = new Set<string>();
  beforeAll(async () => {
    if (!known) return;
    const bytes = execFileSync(python, [script], { maxBuffer: 64 << 20 });
    theirs = linesOf(createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)).files);
    const registry = await ownRegistry();
    ours = new Set(linesOf(new Set([...registry].map((desc) => desc.file))));
  });

  test.skipIf(!known)(
    "each message, field, enum value and method that it has is ours too, with the same number and type, but for what is listed here",
    () => {
      expect(theirs.length).toBeGreaterThan(1000);
      expect(theirs.filter((line) => !ours.has(line)).toSorted()).toEqual(expected);
    },
  );
});
