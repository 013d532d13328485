import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkout, pathsOf } from "../bootstrap/paths.mjs";
import { describeChecks } from "./check.mjs";
import { diagnose, doctor, doctorOptions } from "./doctor.mjs";
import { otherVersions, pinnedPackages } from "./sdk-check.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "homeplane-doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A machine with nothing on its PATH and a checkout in which nothing is set up. */
const bare = () => ({
  root: checkout,
  paths: {
    ...pathsOf(checkout),
    tools: join(folder, "tools"),
    python: join(folder, "tools/python"),
    node: join(folder, "tools/node"),
  },
  isSetUp: false,
  dataDir: join(folder, "data"),
  port: 0,
  python: undefined,
  env: { PATH: join(folder, "bin") },
});

const byId = async (subject: Parameters<typeof diagnose>[0]) =>
  Object.fromEntries((await diagnose(subject)).map((check) => [check.id, check]));

test("on a bare machine each missing thing is named with the way to get it", async () => {
  const checks = await byId(bare());
  expect(checks["npm"]).toMatchObject({ state: "missing", next: expect.stringContaining("apt install npm") as string });
  expect(checks["python"]).toMatchObject({ state: "missing", next: expect.stringContaining("python3-venv") as string });
  expect(checks["tar"]).toMatchObject({ state: "missing", next: "apt install tar" });
  expect(checks["kubectl"]?.state).toBe("warning");
  expect(checks["mount-namespaces"]?.state).toBe("warning");
  expect(checks["data-dir"]?.state).toBe("ok");
  for (const check of Object.values(checks))
    expect(check.state === "ok" || (check.next ?? "") !== "", check.id).toBe(true);
});

test("a Python without venv is named, with its package", async () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const answer = JSON.stringify({ file: join(bin, "python3"), minor: 12, cpython: true, venv: false });
  writeFileSync(join(bin, "python3"), `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(join(bin, "python3"), 0o755);
  expect((await byId(bare()))["python"]).toMatchObject({ state: "missing", next: "apt install python3-venv" });
});

test("a port that another program has is missing, with the way to find it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  expect((await byId({ ...bare(), port }))["port"]).toMatchObject({
    state: "missing",
    found: `${port} can not be used (EADDRINUSE)`,
    next: expect.stringContaining("ss -ltnp") as string,
  });
  server.close();
});

test("the exit code is 1 when something is missing, and the JSON says what", async () => {
  let printed = "";
  const { paths, env, dataDir } = bare();
  const code = await doctor(
    { json: true, dataDir, port: "0" },
    { paths, env, print: (text) => void (printed += text) },
  );
  expect(code).toBe(1);
  const { healthy, checks } = JSON.parse(printed) as { healthy: boolean; checks: { id: string; state: string }[] };
  expect(healthy).toBe(false);
  expect(checks.find(({ id }) => id === "npm")?.state).toBe("missing");
});

test("the text says what is missing and ends with a verdict", () => {
  const text = describeChecks([
    { id: "a", title: "Tool", state: "missing", found: "not on the PATH", next: "apt install tool" },
    { id: "b", title: "Disk space", state: "ok", found: "9 MB" },
  ]);
  expect(text).toBe(
    "MISSING  Tool        not on the PATH\n                     -> apt install tool\nok       Disk space  9 MB\n\n1 missing: Homeplane does not work here yet.\n",
  );
});

test("an option that is not known is refused with what is", () => {
  expect(() => doctorOptions(["--frobnicate"])).toThrow("--frobnicate");
  expect(doctorOptions(["--json", "--data-dir", "/x"])).toEqual({ json: true, dataDir: "/x" });
});

test("packages are compared with the lock by their normal names; a lock may pin several versions", () => {
  const pinned = pinnedPackages(
    "Foo_bar==1.0 ; python_version < '3.11' \\\n    --hash=x\nfoo-bar==2.0 \\\nbaz==3\n# qux==4\n",
  );
  expect(otherVersions(pinned, { "foo-bar": "2.0", baz: "3" })).toEqual([]);
  expect(otherVersions(pinned, { "foo-bar": "1.5", other: "1" })).toEqual(["foo-bar 1.5 instead of 1.0 or 2.0"]);
});
