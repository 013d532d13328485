import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ended, InstalledPackage, python, root, systemNode } from "./installed-package.ts";

const resources = new AsyncDisposableStack();
let installed: InstalledPackage;
/** Why the package could not be installed here. */
let obstacle: string | undefined;
/** What is in the tarball. */
let unpacked: string;

beforeAll(async () => {
  installed = resources.use(await InstalledPackage.make());
  unpacked = join(installed.temporary, "unpacked");
  await mkdir(unpacked);
  execFileSync("tar", ["-xzf", installed.tarball, "-C", unpacked, "--strip-components=1"]);
  obstacle = existsSync(python) ? await installed.install() : ".tools/python is missing";
}, 60_000);
afterAll(() => resources.disposeAsync());

const versionOf = (node: string): string => execFileSync(node, ["--version"], { encoding: "utf8" }).trim().slice(1);
const majorOf = (node: string): string | undefined => versionOf(node).split(".")[0];
const pinnedMajor = majorOf(process.execPath);

describe("the tarball", () => {
  const files = (): string[] =>
    readdirSync(unpacked, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  test("holds JavaScript only, without tests", () => {
    const wrong = files().filter((file) => /\.ts$|\.test\.|\/testing\/|\/fixtures?[./]|__snapshots__/.test(file));
    expect(wrong).toEqual([]);
    expect(files().length).toBeGreaterThan(200);
  });

  test("names no path of the machine that made it", () => {
    const paths = [root, installed.temporary, realpathSync(installed.temporary), `${homedir()}/`];
    const naming = files().filter((file) => paths.some((path) => readFileSync(file, "utf8").includes(path)));
    expect(naming).toEqual([]);
  });
});

describe.each([
  { name: "the machine's Node", node: systemNode },
  { name: "the pinned Node", node: process.execPath },
])("on $name", ({ node }) => {
  test("up serves with the Node that it is written for, status finds it, down ends it", async (context) => {
    if (obstacle !== undefined) return context.skip(obstacle);
    if (node === undefined) return context.skip("there is no node on the PATH but the checkout's");
    const { child, endpoints } = await installed.up(node);
    const exit = once(child, "exit");
    try {
      const runs = readlinkSync(`/proc/${endpoints.pid}/exe`);
      const bundled = join(installed.modules, `node-linux-${process.arch}/bin/node`);
      expect(runs).toBe(realpathSync(majorOf(node) === pinnedMajor ? node : bundled));

      const page = await fetch(endpoints.controlPlane);
      expect(page.headers.get("content-type")).toContain("text/html");
      const preact = await fetch(new URL("/console/vendor/preact.js", endpoints.controlPlane));
      expect(preact.status).toBe(200);

      const status = await installed.run(node, "status");
      expect(JSON.parse(status.stdout)).toMatchObject({ state: "running", endpoints });
      const down = await installed.run(node, "down");
      expect(down).toMatchObject({ code: 0, stderr: "" });
      expect(await exit).toEqual([0, null]);
    } finally {
      child.kill();
    }
    expect((await installed.run(node, "status")).code).toBe(3);
    expect(existsSync(join(installed.home, ".homeplane/compile-cache"))).toBe(true);
  });

  test("start runs the sample from whatever folder", async (context) => {
    if (obstacle !== undefined) return context.skip(obstacle);
    if (node === undefined) return context.skip("there is no node on the PATH but the checkout's");
    const { code, stdout } = await installed.start(node);
    expect(stdout).toContain("Result: 3.1");
    expect(code).toBe(0);
  });

  test("SIGTERM ends it in good order", async (context) => {
    if (obstacle !== undefined) return context.skip(obstacle);
    if (node === undefined) return context.skip("there is no node on the PATH but the checkout's");
    const { child, endpoints } = await installed.up(node);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
    expect(existsSync(`/proc/${endpoints.pid}`)).toBe(false);
  });
});

describe("what is missing is named, with the way out", () => {
  test("no Python for `up`", async () => {
    const env = { PATH: join(installed.temporary, "nothing"), HOME: installed.home };
    const up = await ended(process.execPath, [join(unpacked, "scripts/pack/homeplane.mjs"), "up"], env);
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/no python3 was found\. \[PythonMissing\]\n.*homeplane up --python <path>/);
  });

  test("doctor says all of it, on a machine that lacks everything", async () => {
    const env = { PATH: join(installed.temporary, "nothing"), HOME: installed.home };
    const found = await ended(process.execPath, [join(unpacked, "scripts/pack/homeplane.mjs"), "doctor"], env);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/MISSING +npm .*\n.*-> .*apt install npm/);
    expect(found.stdout).toMatch(/MISSING +Python .*no python3 was found/);
    expect(found.stdout).toContain("Homeplane does not work here yet.");
  });

  test("no Node that fits", async (context) => {
    if (systemNode === undefined || majorOf(systemNode) === pinnedMajor)
      return context.skip("there is no other Node here than the pinned one");
    const status = await ended(systemNode, [join(unpacked, "scripts/pack/homeplane.mjs"), "status"], {
      HOME: installed.home,
    });
    expect(status.code).toBe(1);
    expect(status.stderr).toContain(`Node ${pinnedMajor} is needed; this is ${versionOf(systemNode)}`);
    expect(status.stderr).toMatch(/is not installed\. \[NodeMissing\]\n.*--include=optional/);
  });
});
