/** Asked of the real Python environment that tests have. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { ImageSpecSchema, type LayerSchema } from "@homeplane/idl/flyteidl2/imagebuilder/definition";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { openFsObjectStore } from "@homeplane/object-store";
import { systemClock } from "@homeplane/runtime-kit";
import { describe, expect, test } from "vitest";
import { createImageBuilder } from "./image-builder.ts";

const python = join(import.meta.dirname, "../../../.tools/python/bin/python");
const bucket = "uploads";
const base = `s3://${bucket}/acme/demo/development`;
type Layer = Exclude<MessageInitShape<typeof LayerSchema>, { $typeName: string }>["layer"];

async function world() {
  const root = await mkdtemp(join(tmpdir(), "homeplane-image-test-"));
  const store = await openFsObjectStore({
    root: join(root, "objects"),
    buckets: [bucket, "other"],
    clock: systemClock,
  });
  const env = { PATH: process.env["PATH"] ?? "" };
  const { service } = createImageBuilder({ store, bucket, org: "acme", python, env });
  const images = createClient(
    ImageService,
    createRouterTransport((router) => router.service(ImageService, service)),
  );
  const ask = async (specUri: string, contextUri = ""): Promise<{ code: Code; message: string } | "good"> => {
    try {
      await images.checkBuild({ specUri, contextUri });
      return "good";
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      return { code: error.code, message: error.rawMessage };
    }
  };
  return {
    store,
    ask,
    /** What is said of an image with these layers; `files` are those of the context. */
    async check(layers: readonly Layer[], files: Record<string, string> = {}, pythonVersion = "") {
      const spec = create(ImageSpecSchema, { layers: layers.map((layer) => ({ layer })), pythonVersion });
      await store.put(bucket, "acme/demo/development/spec.pb", toBinary(ImageSpecSchema, spec));
      if (Object.keys(files).length === 0) return ask(`${base}/spec.pb`);
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, "context", path)), { recursive: true });
        await writeFile(join(root, "context", path), text);
      }
      execFileSync("tar", ["-czf", join(root, "context.tgz"), "-C", join(root, "context"), "."]);
      await store.put(bucket, "acme/demo/development/context.tar.gz", await readFile(join(root, "context.tgz")));
      return ask(`${base}/spec.pb`, `${base}/context.tar.gz`);
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

const pip = (packages: string[], options = {}): Layer => ({ case: "pipPackages", value: { packages, options } });

describe.skipIf(!existsSync(python))("an image and the one Python environment", { timeout: 60_000 }, () => {
  test("an image whose packages are all there is good, whatever else it has for a file system", async () => {
    await using images = await world();
    const layers: Layer[] = [
      pip(["flyte", "protobuf>=4", "Pydantic", 'nothing-here; sys_platform == "win32"']),
      { case: "commands", value: { cmd: ["useradd flyte"] } },
      { case: "workdir", value: { workdir: "/home/flyte" } },
      { case: "aptPackages", value: { packages: ["build-essential", "ca-certificates"] } },
    ];
    expect(await images.check(layers)).toBe("good");
  });

  test("each package that is missing or has another version is listed once, with the command that installs them", async () => {
    await using images = await world();
    const layers = [
      pip(["no-such-one", "protobuf==0.1; python_version > '3'"], { indexUrl: "https://pypi.example/simple" }),
      pip(["no-such-one", "no-such-two[extra]~=2.0", "git+https://git.example/x.git#egg=no-such-three"]),
    ];
    const said = await images.check(layers);
    expect(said).toMatchObject({ code: Code.InvalidArgument });
    const lines = (said as { message: string }).message.split("\n");
    expect(lines.slice(1)).toEqual([
      "  no-such-one (not installed)",
      expect.stringMatching(/^ {2}protobuf==0\.1 \([\d.]+ is installed\)$/),
      "  no-such-two[extra]~=2.0 (not installed)",
      "  git+https://git.example/x.git#egg=no-such-three (not installed)",
      "Install into it what is missing:",
      `  ${python} -m pip install --index-url=https://pypi.example/simple no-such-one protobuf==0.1 'no-such-two[extra]~=2.0' 'git+https://git.example/x.git#egg=no-such-three'`,
    ]);
  });

  test("the packages of an extra count too", async () => {
    await using images = await world();
    expect(await images.check([pip(["pydantic[email]"])])).toMatchObject({
      message: expect.stringContaining("email-validator") as unknown,
    });
  });

  test("requirement files and projects are read from the context", async () => {
    await using images = await world();
    const files = {
      "requirements.txt":
        "# what we need\nprotobuf>=4 # and why\n-r more/base.txt\n--extra-index-url https://x.example\n",
      "more/base.txt": "in-nested-file==1 \\\n    --hash=sha256:00\n",
      "app/pyproject.toml": '[project]\nname = "app"\nversion = "1"\ndependencies = ["in-project>=1", "pydantic"]\n',
      "poetry/pyproject.toml":
        '[tool.poetry.dependencies]\npython = "^3.10"\nin-poetry = "^1"\nmaybe = {version = "1", optional = true}\n',
    };
    const layers: Layer[] = [
      { case: "requirements", value: { file: "requirements.txt" } },
      { case: "uvProject", value: { pyproject: "app" } },
      { case: "poetryProject", value: { pyproject: "poetry/pyproject.toml" } },
    ];
    const { message } = (await images.check(layers, files)) as { message: string };
    expect(message.match(/ {2}(in-\S+)/g)?.map((line) => line.trim())).toEqual([
      "in-nested-file==1",
      "in-project>=1",
      "in-poetry",
    ]);
    expect(message).toContain("pip install --extra-index-url https://x.example in-nested-file==1");
  });

  test("another Python version is said; a file that is not in the context too", async () => {
    await using images = await world();
    expect(await images.check([], {}, "3.99")).toMatchObject({
      message: expect.stringMatching(/it wants Python 3\.99, tasks here run with Python 3\.\d+/) as unknown,
    });
    expect(await images.check([{ case: "requirements", value: { file: "gone.txt" } }])).toMatchObject({
      message: expect.stringContaining("its layer requirements can not be read") as unknown,
    });
  });

  test("many at once are all answered, each with its own", async () => {
    await using images = await world();
    const spec = create(ImageSpecSchema, { layers: [{ layer: pip(["no-such-one"]) }] });
    await images.store.put(bucket, "acme/demo/development/bad.pb", toBinary(ImageSpecSchema, spec));
    await images.store.put(bucket, "acme/demo/development/good.pb", new Uint8Array());
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => images.ask(`${base}/${n % 2 === 0 ? "good" : "bad"}.pb`)),
    );
    expect(answers.map((answer) => answer === "good")).toEqual(answers.map((_, n) => n % 2 === 0));
  });

  test("only what clients upload is read, and a context that climbs writes nothing", async () => {
    await using images = await world();
    await images.store.put("other", "acme/demo/development/spec.pb", new Uint8Array());
    for (const url of ["s3://other/acme/demo/development/spec.pb", `s3://${bucket}/evil/spec.pb`, "nonsense"])
      expect(await images.ask(url)).toMatchObject({ code: Code.InvalidArgument });
    expect(await images.ask(`${base}/none.pb`)).toMatchObject({
      message: expect.stringContaining("there is nothing at") as unknown,
    });
  });
});
