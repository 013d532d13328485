/** The bundle that the images carry, away from the checkout. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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

test("a stack trace names functions, and nothing names the machine that made it", async () => {
  for (const name of await readdir(join(folder, "app"))) {
    if (!name.endsWith(".mjs")) continue;
    expect(await readFile(join(folder, "app", name), "utf8")).not.toContain(root);
  }
  expect(await readFile(program, "utf8")).toMatch(/^async function runUp\(/m);
});

test("the same sources give the same bytes", async () => {
  await makeBundle(root, join(folder, "again"));
  expect(await readFile(join(folder, "again/homeplane.mjs"))).toEqual(await readFile(program));
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
