/** What Ctrl-C, SIGTERM and `down` do, at any time. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, hasPython, python, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const main = join(import.meta.dirname, "../../packages/cli/src/main.js");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-signals-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(): ChildProcess {
  const args = [main, "up", "--port", "0", "--data-dir", folder, "--python", python];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

describe.skipIf(!hasPython)("signals", { timeout: 120_000 }, () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s in the middle of a start ends it in good order", async (signal) => {
    const child = start();
    // The lock is there, nothing else is ready.
    await eventually("it has begun", 20_000, async () => existsSync(join(folder, "homeplane.pid")));
    const exited = once(child, "exit");
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
    expect(existsSync(join(folder, "homeplane.pid"))).toBe(false);
    expect(existsSync(join(folder, "endpoints.json"))).toBe(false);
  });

  test("a second Ctrl-C does not wait for tasks; the next start goes on with the run", async () => {
    await using homeplane = await TestHomeplane.start();
    const flag = join(folder, "flag");
    const run = await homeplane.startFeature("half_done", { FLAG: flag });
    await eventually("all children have ended", 60_000, async () => {
      const children = (await homeplane.actions(run)).filter(({ id }) => id?.name !== "a0");
      return children.length === 3 && children.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED);
    });
    const { pid } = homeplane.endpoints;
    process.kill(pid, "SIGINT");
    process.kill(pid, "SIGINT");
    await eventually("it has ended", 15_000, async () => !existsSync(`/proc/${pid}/exe`));
    await homeplane.up();
    await writeFile(flag, "");
    await eventually("the run ends", 60_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.phase === ActionPhase.SUCCEEDED;
    });
    // The children were not run again.
    const children = (await homeplane.actions(run)).filter(({ id }) => id?.name !== "a0");
    expect(children.map(({ status }) => status?.attempts)).toEqual([1, 1, 1]);
  });

  test("down in the middle of a run leaves no process; up goes on with it, and no retry is used", async () => {
    await using homeplane = await TestHomeplane.start();
    const flag = join(folder, "flag");
    const run = await homeplane.startFeature("half_done", { FLAG: flag });
    await eventually("all children have ended", 60_000, async () => {
      const children = (await homeplane.actions(run)).filter(({ id }) => id?.name !== "a0");
      return children.length === 3 && children.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED);
    });
    const down = spawn(process.execPath, [main, "down", "--data-dir", homeplane.dataDir]);
    expect(await once(down, "exit")).toEqual([0, null]);
    expect(await processesOf(run)).toEqual([]);
    await homeplane.up();
    await writeFile(flag, "");
    await eventually("the run ends", 60_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.phase === ActionPhase.SUCCEEDED;
    });
    const actions = await homeplane.actions(run);
    expect(actions.map(({ status }) => status?.attempts)).toEqual([1, 1, 1, 1]);
  });
});
