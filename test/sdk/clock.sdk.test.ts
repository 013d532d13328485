/** The machine's clock is set back under a running homeplane, and between two of its lives (libfaketime, Debian's package faketime). */
import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, hasPython, TestHomeplane } from "./homeplane.ts";

const [library] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");

let folder: string;
let clock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-clock-"));
  clock = join(folder, "faketime");
  await writeFile(clock, "+0");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/**
 * Of homeplane alone: its tasks and the client keep the true time, as other machines would. Timers are the kernel's and run on. S3 refuses requests
 * that are more than 15 minutes off, so it is less while tasks run.
 */
const environment = (): Record<string, string> => ({
  LD_PRELOAD: library ?? "",
  FAKETIME_TIMESTAMP_FILE: clock,
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
});

describe.skipIf(!hasPython || library === undefined)("a clock that is set back", { timeout: 120_000 }, () => {
  test("ten minutes in the middle of a run: no watch hangs, nothing lasts less than no time, the next run works too", async () => {
    await using homeplane = await TestHomeplane.start({ env: environment() });
    const flag = join(folder, "flag");
    const run = await homeplane.startFeature("half_done", { FLAG: flag });
    await eventually("all children have ended", 60_000, async () => {
      const children = (await homeplane.actions(run)).filter(({ id }) => id?.name !== "a0");
      return children.length === 3 && children.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED);
    });
    const watched = (async () => {
      for await (const { details } of homeplane.runs.watchActionDetails({ actionId: homeplane.actionId(run) }))
        if (details?.status?.phase === ActionPhase.SUCCEEDED) return details;
      throw new Error(`the watch ended early: ${(await homeplane.details(run)).result.case}`);
    })();
    await writeFile(clock, "-10m");
    await writeFile(flag, "");
    const details = await watched;
    expect(Number(details.status?.durationMs ?? 0)).toBeGreaterThanOrEqual(0);
    expect((await homeplane.feature("gather")).outputs).toEqual([30]);
    // Between two lives, a day: the embedded API's certificates are of the future then.
    await homeplane.stop("SIGTERM");
    await writeFile(clock, "-25h");
    await homeplane.up();
    expect((await homeplane.details(run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    await homeplane.stop("SIGTERM");
    await writeFile(clock, "+0");
    await homeplane.up();
    expect((await homeplane.feature("gather")).outputs).toEqual([30]);
  });
});
