/**
 * Generates src/gen from the descriptors of the published `flyteidl2` Python wheel and from proto/homeplane. The versions are
 * in requirements.txt beside this file; the output is committed, and `gen/descriptors.json` tells what it was made from.
 *
 * Run: npm run idl
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const room = join(import.meta.dirname, "..");
const root = join(room, "../..");
const venv = join(root, ".tools/idl-python");
const python = join(venv, "bin/python");
const work = mkdtempSync(join(tmpdir(), "homeplane-idl-"));
const run = (program: string, args: string[]): Buffer =>
  execFileSync(program, args, { cwd: room, stdio: ["ignore", "pipe", "inherit"], maxBuffer: 64 << 20 });

if (!existsSync(python)) {
  mkdirSync(join(root, ".tools"), { recursive: true });
  run("python3", ["-m", "venv", venv]);
}
run(python, ["-m", "pip", "install", "--quiet", "-r", "scripts/requirements.txt"]);

const published = run(python, ["scripts/collect_descriptors.py"]);
const flyteidl2 = join(work, "flyteidl2.binpb");
const homeplane = join(work, "homeplane.binpb");
writeFileSync(flyteidl2, published);
const sources = globSync("proto/homeplane/**/*.proto", { cwd: room }).toSorted();
run(python, [
  ...["-m", "grpc_tools.protoc", `--descriptor_set_in=${flyteidl2}`, "-Iproto", "--include_source_info"],
  ...["--include_imports", `--descriptor_set_out=${homeplane}`, ...sources],
]);

const out = join(room, "src/gen");
rmSync(out, { recursive: true, force: true });
for (const image of [flyteidl2, homeplane]) {
  const template = join(work, "buf.gen.json");
  const plugin = {
    local: join(root, "node_modules/.bin/protoc-gen-es"),
    out,
    opt: ["target=ts", "import_extension=.ts", "erasable_syntax=true"],
    include_imports: true,
  };
  writeFileSync(template, JSON.stringify({ version: "v2", inputs: [{ binary_image: image }], plugins: [plugin] }));
  run(join(root, "node_modules/.bin/buf"), ["generate", "--template", template]);
}
// The well-known types are imported from @bufbuild/protobuf/wkt; the copies that buf adds are dead code.
rmSync(join(out, "google/protobuf"), { recursive: true, force: true });

const requirement = /flyteidl2==(\S+)/.exec(readFileSync(join(room, "scripts/requirements.txt"), "utf8"))?.[1];
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const descriptors = {
  flyteidl2: requirement,
  sha256: sha256(published),
  homeplane: sha256(Buffer.concat(sources.map((file) => readFileSync(join(room, file))))),
};
writeFileSync(join(out, "descriptors.json"), `${JSON.stringify(descriptors, null, 2)}\n`);
rmSync(work, { recursive: true });
process.stdout.write(`flyteidl2 ${requirement}: ${globSync("**/*_pb.ts", { cwd: out }).length} files\n`);
