/** The bundle that the images carry, away from the checkout. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { makeBundle } from "../../scripts/bundle/make-bundle.ts";
import { hasPython, TestHomeplane } from "../sdk/homeplane.ts";
import { root } from "../sdk/sdk-client.ts";

let folder: string;
let program: string;
const run = promisify(execFile);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-bundle-"));
  await makeBundle(root, join(folder, "app"));
  program = join(folder, "app/homeplane.mjs");
});
afterAll(() => rm(folder, { recursive: true }));

test("it runs from a folder that it can not write to and that has nothing else in it", async () => {
  const { stdout } = await run(process.execPath, [program, "--version"], { cwd: "/", env: { HOME: "/nonexistent" } });
  expect(stdout.trim()).toBe(manifest.version);
});

const programs = async (name: string): Promise<ReadonlyMap<string, string>> => {
  const files = (await readdir(join(folder, name))).filter((file) => file.endsWith(".mjs")).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, name, file), "utf8")));
  return new Map(files.map((file, index) => [file, texts[index] ?? ""]));
};

test("a stack trace names functions, and nothing names the machine that made it", async () => {
  const code = [...(await programs("app")).values()].join("\n");
  expect(code).not.toContain(root);
  expect(code).toMatch(/^async function runUp\(/m);
});

test("the same sources give the same files, and a bundle made over another leaves none of it", async () => {
  const first = await programs("app");
  await cp(join(folder, "app"), join(folder, "again"), { recursive: true });
  await writeFile(join(folder, "again/homeplane-STALE123.mjs"), "");
  await makeBundle(root, join(folder, "again"));
  expect(await programs("again")).toEqual(first);
});

test("a component's process does not load what others need", async () => {
  const all = await programs("app");
  const entry = all.get("homeplane.mjs") ?? "";
  expect(entry.length).toBeLessThan([...all.values()].join("").length / 10);
});

test("the program of the init containers needs no package and says what it lacks", async () => {
  await cp(join(folder, "app/fetch-bundle.mjs"), join(folder, "alone.mjs"));
  const failed = await run(process.execPath, [join(folder, "alone.mjs")], { env: {} }).catch((error: unknown) => error);
  expect(failed).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("the task's code could not be placed: ") as string,
  });
});

describe.skipIf(!hasPython)("up", () => {
  test("serves the SDK and the console", async () => {
    await using homeplane = await TestHomeplane.start({ program: [program] });
    const page = await fetch(`${homeplane.endpoints.controlPlane}/`);
    expect(await page.text()).toContain('<script type="importmap">');
    for (const file of ["main.js", "vendor/preact.js", "vendor/preact-hooks.js", "vendor/htm.js"]) {
      expect((await fetch(`${homeplane.endpoints.controlPlane}/console/${file}`)).status).toBe(200);
    }
    // A parent and its children, which are local processes started by a helper that lies beside the bundle.
    expect((await homeplane.feature("nested")).outputs).toEqual([3]);
  });
});
