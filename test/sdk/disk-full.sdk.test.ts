/** The whole program on a disk that runs full. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";
import { canMount, SmallDisk } from "./small-disk.ts";

/** The SDK's own home, which a user has elsewhere. */
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "homeplane-home-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function onSmallDisk(): Promise<{ homeplane: TestHomeplane; disk: SmallDisk }> {
  let made: SmallDisk | undefined;
  const mount = async (dataDir: string): Promise<SmallDisk> => (made = await SmallDisk.mount(dataDir, 40));
  const homeplane = await TestHomeplane.start({ disk: mount });
  if (made === undefined) throw new Error("no disk was mounted");
  return { homeplane, disk: made };
}

// Skipped where nothing may be mounted: needs root.
describe.skipIf(!hasPython || !canMount)("a disk that runs full", { timeout: 300_000 }, () => {
  test("clients are told, what was there can be read, and it goes on when there is room", async () => {
    const { homeplane, disk } = await onSmallDisk();
    await using _ = homeplane;
    const env = { HOME: home };
    const before = await homeplane.feature("plain", env);
    expect(before.phase).toBe("ActionPhase.SUCCEEDED");

    await disk.fill();
    const refused = await homeplane.run(homeplane.python, ["features.py", "gather"], env);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/disk .*is full/);
    expect((await homeplane.details(before.run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect((await homeplane.log(before.run)).length).toBeGreaterThan(0);

    disk.makeRoom();
    expect((await homeplane.feature("gather", env)).outputs).toEqual([30]);
    await homeplane.stop("SIGTERM");
    await disk.fill();
    const main = join(import.meta.dirname, "../../packages/cli/src/main.js");
    const start = [main, "up", "--port", "0", "--data-dir", homeplane.dataDir, "--python", homeplane.python];
    const up = await homeplane.run(process.execPath, start);
    expect(up).toMatchObject({ code: 1, stderr: expect.stringContaining("[DiskFull]") as string });
    disk.makeRoom();
    await homeplane.up();
    expect((await homeplane.details(before.run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
  });

  test("a run under way goes on when there is room again; a task that could not write says why", async () => {
    const { homeplane, disk } = await onSmallDisk();
    await using _ = homeplane;
    const flag = join(home, "flag");
    const env = { HOME: home, FLAG: flag };
    const waiting = await homeplane.startFeature("half_done", env);
    await eventually("all children have ended", 90_000, async () => {
      const children = (await homeplane.actions(waiting)).filter(({ id }) => id?.name !== "a0");
      return children.length === 3 && children.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED);
    });
    const printing = await homeplane.startFeature("ticks", env);
    await eventually(
      "it runs",
      90_000,
      async () => (await homeplane.details(printing)).status?.phase === ActionPhase.RUNNING,
    );
    await disk.fill();
    // Its failure can not be recorded yet: that waits for room.
    await eventually("its process has ended", 90_000, async () => (await processesOf(printing)).length === 0);
    disk.makeRoom();
    // What it raised, where there was room enough for its error file; else its exit code.
    const told = await eventually("it is told", 90_000, async () => await failure(homeplane, printing));
    expect(told).toMatch(/No space left on device|exit code 1/);
    await writeFile(flag, "");
    await eventually("the other ends", 90_000, async () => {
      const { status } = await homeplane.details(waiting);
      return status?.phase === ActionPhase.SUCCEEDED;
    });
  });
});

async function failure(homeplane: TestHomeplane, run: string): Promise<string | undefined> {
  const { result } = await homeplane.details(run);
  return result.case === "errorInfo" ? result.value.message : undefined;
}
