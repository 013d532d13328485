/** Bad input is answered with what is wrong and what to do, and nothing is left half-made. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, python, TestHomeplane } from "./homeplane.ts";

const main = join(import.meta.dirname, "../../packages/cli/src/main.js");

/** The file that the lock is on: it is empty, and removing it would let two starters have a lock each. */
const emptyLock = "homeplane.pid.lock";

/** Runs `homeplane up` where it must not start. */
function failingUp(args: readonly string[]): Promise<{ code: number | string | null | undefined; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "up", ...args], { timeout: 20_000 }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
}

describe("homeplane up says what keeps it from starting, and leaves nothing", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "homeplane-bad-"));
  });
  afterAll(() => rm(dir, { recursive: true }));

  test("no Python", async () => {
    const { code, stderr } = await failingUp([
      "--port",
      "0",
      "--data-dir",
      join(dir, "a"),
      "--python",
      "/no/such/python",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no Python interpreter at \/no\/such\/python[\s\S]*--python[\s\S]*\[NoPython\]/);
    expect(await readdir(join(dir, "a"))).toEqual([emptyLock]);
  });

  test("a Python without the SDK", async () => {
    const { code, stderr } = await failingUp([
      "--port",
      "0",
      "--data-dir",
      join(dir, "b"),
      "--python",
      "/usr/bin/python3",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no package "flyte"[\s\S]*pip install flyte[\s\S]*\[NoSdk\]/);
  });

  test("a data dir that can not be used", async () => {
    await writeFile(join(dir, "file"), "");
    // In /proc every mkdir fails, whatever its parent. A folder with files of others is not taken over.
    for (const path of [join(dir, "file"), join(dir, "file", "below"), "/proc/homeplane/below", dir]) {
      const { code, stderr } = await failingUp(["--port", "0", "--data-dir", path]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/data dir .* can not be used[\s\S]*--data-dir[\s\S]*\[DataDirUnusable\]/);
    }
  });

  test("an option out of range", async () => {
    const { code, stderr } = await failingUp(["--port", "70000"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--port[\s\S]*\[InvalidOption\]/);
  });

  test.skipIf(!hasPython)("a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const args = ["--port", String(port), "--data-dir", join(dir, "c"), "--python", python];
    const { code, stderr } = await failingUp(args);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is taken`);
    expect(stderr).toMatch(/--port[\s\S]*\[PortTaken\]/);
    expect(await readdir(join(dir, "c"))).toEqual([emptyLock]);
  });
});

describe.skipIf(!hasPython)("a running homeplane", { timeout: 60_000 }, () => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start();
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  test("is not started twice on one data dir", async () => {
    const { code, stderr } = await failingUp(["--port", "0", "--data-dir", homeplane.dataDir, "--python", python]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/runs already on .*\(process \d+\)[\s\S]*homeplane down[\s\S]*\[AlreadyRunning\]/);
  });

  test("tells the SDK's user that a project does not exist, and how to make it", async () => {
    const { code, stdout, stderr } = await homeplane.run(join(python, "../flyte"), [
      "run",
      "--project",
      "nope",
      "features.py",
      "plain",
    ]);
    expect(code).not.toBe(0);
    // The SDK draws a box around its errors and breaks their lines.
    const text = stripVTControlCharacters(stdout + stderr).replaceAll(/[\s│]+/g, " ");
    expect(text).toContain('project "nope" does not exist: create it with `flyte create project');
  });

  test("fails a task whose program is missing with the program's name, and serves on", async () => {
    const { run } = await homeplane.runs.createRun({
      id: { case: "projectId", value: { name: "flytesnacks", domain: "development" } },
      task: {
        case: "taskSpec",
        value: {
          shortName: "missing",
          taskTemplate: {
            id: { project: "flytesnacks", domain: "development", name: "missing", version: "1" },
            type: "python",
            target: { case: "container", value: { image: "none", args: ["no-such-program", "--now"] } },
          },
        },
      },
      inputWrapper: { case: "inputs", value: {} },
    });
    const name = run?.action?.id?.run?.name ?? "";
    const details = await eventually("the run's end", 20_000, async () => {
      const found = await homeplane.details(name);
      return found.status?.phase === ActionPhase.FAILED ? found : undefined;
    });
    expect(details.result.case === "errorInfo" && details.result.value.message).toContain("no-such-program");
    expect((await homeplane.feature("plain")).outputs).toEqual(["plain"]);
  });

  test.each([
    "s3://other-bucket/homeplane/flytesnacks/development/x",
    "s3://homeplane-metadata/homeplane/other/development/x",
    "s3://homeplane-metadata/homeplane/flytesnacks/development/../../../x",
    "gs://homeplane-metadata/homeplane/flytesnacks/development/x",
    "file:///tmp/x",
    "not a url",
  ])("refuses to run with its data at %s, from where it could not read it", async (runBaseDir) => {
    const taskTemplate = {
      type: "python",
      target: { case: "container" as const, value: { image: "none", args: ["true"] } },
    };
    const refused = homeplane.runs.createRun({
      id: { case: "projectId", value: { name: "flytesnacks", domain: "development" } },
      task: { case: "taskSpec", value: { shortName: "true", taskTemplate } },
      inputWrapper: { case: "inputs", value: {} },
      runSpec: { runBaseDir },
    });
    await expect(refused).rejects.toMatchObject({
      code: Code.InvalidArgument,
      message: expect.stringContaining("run_base_dir") as string,
    });
  });

  test("answers garbage and serves on", async () => {
    const url = `${homeplane.endpoints.controlPlane}/flyteidl2.workflow.RunService/CreateRun`;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: Buffer.from([0xff, 0xff, 0xff]),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "invalid_argument" });
    expect((await homeplane.runs.listRuns({ scopeBy: { case: "org", value: "" } })).runs.length).toBeGreaterThan(0);
  });
});
