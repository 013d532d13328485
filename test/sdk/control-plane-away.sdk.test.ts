/** The control plane is killed while a parent fans out: the data plane, a process of its own, goes on, and tells everything afterwards, with true times. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { describe, expect, test } from "vitest";
import { RemoteHomeplane } from "../remote/remote-homeplane.ts";
import { eventually, hasPython, sdks } from "./homeplane.ts";

const waves = 5;
const size = 10;
/** Ten minutes, where somebody has them: AWAY_MS=600000. */
const awayMs = Number(process.env["AWAY_MS"] ?? 20_000);

/** What a task wrote: word and time in milliseconds. */
async function told(folder: string, name: string): Promise<{ word: string; at: number }[]> {
  const lines = (await readFile(join(folder, name), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [word = "", at] = line.split(" ");
    return { word, at: Number(at) * 1_000 };
  });
}

function expectWithin(at: number, min: number, max: number): void {
  expect(at).toBeGreaterThanOrEqual(min);
  expect(at).toBeLessThanOrEqual(max);
}

describe.skipIf(!hasPython).each(sdks)(
  "with the control plane killed in mid-run, flyte $version",
  { timeout: 300_000 + awayMs },
  (sdk) => {
    test("a parent fans out 50 children in waves meanwhile, each runs once, and the times told afterwards are true", async () => {
      await using homeplane = await RemoteHomeplane.start(sdk);
      const folder = join(homeplane.folder, "tales");
      await mkdir(folder);
      const pause = awayMs / 1_000 / waves / 2;
      const env = { FOLDER: folder, COUNT: String(waves), SIZE: String(size), PAUSE: String(pause) };
      const begun = Date.now();
      const run = await homeplane.startFeature("waves", env, "away.py");
      const done = async (name: string) => (await readdir(folder)).includes(name);
      await eventually("the first children run", 60_000, () => done("child-0"));
      await homeplane.stopControlPlane("SIGKILL");
      const killed = Date.now();

      // The whole parent ends before anybody could tell of it.
      await eventually("the parent ends", 240_000 + awayMs, async () =>
        (await told(folder, "parent")).some(({ word }) => word === "ended"),
      );
      const ended = Date.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, killed + awayMs - Date.now())));
      const back = Date.now();
      await homeplane.startControlPlane();
      await eventually("all is told", 120_000, async () => {
        const actions = await homeplane.actions(run);
        return (
          actions.length === waves * size + 1 && actions.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED)
        );
      });
      const allTold = Date.now();

      const names = (await readdir(folder)).filter((name) => /^(child|cached)-/.test(name));
      expect(names).toHaveLength(waves * size);
      const tales = await Promise.all(names.map((name) => told(folder, name)));
      for (const tale of tales) expect(tale.map(({ word }) => word)).toEqual(["began", "ended"]);
      // Times of the pods, not of the reports: within what the tasks themselves wrote, and most of them from when nobody listened.
      const actions = await homeplane.actions(run);
      const times = actions.map(({ status }) => ({
        start: status?.startTime ? timestampMs(status.startTime) : 0,
        end: status?.endTime ? timestampMs(status.endTime) : 0,
      }));
      for (const { start, end } of times) {
        expectWithin(start, begun - 1_000, ended);
        // Kubernetes' times are whole seconds.
        expectWithin(end, start - 1_000, allTold);
      }
      expect(times.filter(({ end }) => end > killed && end < back).length).toBeGreaterThan(30);
      const ends = tales.map((tale) => tale.at(-1)?.at ?? 0).toSorted((a, b) => a - b);
      const toldEnds = actions
        .filter(({ id }) => id?.name !== "a0")
        .map(({ status }) => (status?.endTime ? timestampMs(status.endTime) : 0))
        .toSorted((a, b) => a - b);
      for (const [index, end] of toldEnds.entries()) {
        // A task's process lives on for a moment after its last line; a busy machine makes that longer.
        expectWithin(end, (ends[index] ?? 0) - 1_000, (ends[index] ?? 0) + 20_000);
      }
      await homeplane.connected();
      expect((await homeplane.feature("hello", {}, "away.py")).outputs).toEqual(["hello you"]);
    });
  },
);

describe.skipIf(!hasPython)("with the data plane away", { timeout: 180_000 }, () => {
  test("what is stored can be read, a new run is refused in words and leaves nothing, and all works when it is back", async () => {
    const [sdk] = sdks;
    if (sdk === undefined) throw new Error("no SDK");
    await using homeplane = await RemoteHomeplane.start(sdk);
    const first = await homeplane.feature("hello", {}, "away.py");
    expect(first.phase).toContain("SUCCEEDED");
    await homeplane.stopDataPlane("SIGKILL");
    await eventually(
      "the control plane sees it",
      60_000,
      async () => (await homeplane.clusters())[0]?.tunnelConnections === 0,
    );
    expect(await (await fetch(homeplane.readiness)).json()).toMatchObject({
      ready: true,
      checks: { "data plane": 'the data plane "laptop" has no tunnel to here' },
    });
    expect((await homeplane.details(first.run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    const before = await homeplane.runs.listRuns({});
    const begun = Date.now();
    const project = { organization: "homeplane", domain: "development", name: "flytesnacks" };
    const upload = homeplane.data.createUploadLocation({
      project: "flytesnacks",
      domain: "development",
      filename: "x",
    });
    await expect(upload).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining('the data plane "laptop" is not connected') as string,
    });
    await expect(homeplane.data.uploadInputs({ id: { case: "projectId", value: project } })).rejects.toThrow();
    const failed = await homeplane.run(homeplane.python, ["away.py", "hello", "--no-wait"]);
    expect(failed.code).not.toBe(0);
    // What SDK 2.12 makes of UNAVAILABLE; the call itself carries our words.
    expect(`${failed.stdout}${failed.stderr}`).toContain("Flyte system is currently unavailable");
    expect(Date.now() - begun).toBeLessThan(60_000);
    expect((await homeplane.runs.listRuns({})).runs).toHaveLength(before.runs.length);
    await homeplane.startDataPlane();
    await homeplane.connected();
    expect((await homeplane.feature("hello", {}, "away.py")).phase).toContain("SUCCEEDED");
    expect(await homeplane.stopControlPlane("SIGTERM")).toBe(0);
  });
});
