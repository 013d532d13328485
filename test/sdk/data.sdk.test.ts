/** Files, folders, values and reports through the real SDK, from the tasks' side and from the user's own program. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ArtifactType } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const MIB = 1024 * 1024;
/** What `digest_of(100)` of tasks/data.py is. */
const BIG = { mib: 100, md5: "3e85484a7add676a8cebb3ef320ed2c1" };

describe.skipIf(!hasPython).each(sdks)("data with flyte $version", { timeout: 240_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  interface Outcome {
    readonly run: string;
    readonly phase: string;
    readonly outputs: unknown[] | null;
    readonly laptop: unknown;
  }
  const data = async (name: string, env: Record<string, string> = {}): Promise<Outcome> =>
    (await homeplane.feature(name, env, "data.py")) as Outcome;
  /** For what fails on the user's side: all that the program said. */
  const words = async (name: string): Promise<string> => {
    const { code, stdout, stderr } = await homeplane.run(homeplane.python, ["data.py", name]);
    expect(code).not.toBe(0);
    return stdout + stderr;
  };

  test("100 MiB are streamed into a File and uploaded as one, streamed and downloaded by other tasks, and read by the user's program", async () => {
    const { run, phase, outputs, laptop } = await data("big");
    expect(phase, await failuresOf(run)).toBe("ActionPhase.SUCCEEDED");
    expect(outputs?.[1]).toEqual([BIG.md5, BIG.md5, BIG.md5, BIG.md5]);
    expect(laptop).toEqual([BIG.mib * MIB, BIG.md5]);
  });

  /** Why, when a run did not succeed: the actions' errors. */
  async function failuresOf(run: string): Promise<string> {
    const words: string[] = [];
    for (const { id } of await homeplane.actions(run)) {
      const { result, attempts } = await homeplane.details(run, id?.name);
      if (result.case === "errorInfo")
        words.push(`${id?.name} (${attempts.length} attempts): ${result.value.code} ${result.value.message}`);
    }
    return words.join("\n");
  }

  test("a task without async writes a File too", async () => {
    const { laptop } = await data("sync_file");
    expect(laptop).toEqual([21, "4bde35da7ff55feffcd0f5783e363bab"]);
  });

  test("a Dir keeps its tree, odd names too, from task to task and to the user's program", async () => {
    const { outputs, laptop } = await data("folders");
    // The older SDK leaves out empty files when it downloads a folder.
    const empty = sdk.version === "2.5.8" ? [] : ["sub folder/deeper/empty="];
    const files = [...empty, "sub folder/ü + x.txt=odd name", "top.txt=top"];
    expect(outputs?.[1]).toEqual([...files, "walked empty top.txt ü + x.txt", "top top.txt ü + x.txt", "one top"]);
    expect(laptop).toEqual(files);
  });

  test("a File and a Dir of the user's own disk become inputs", async () => {
    const { outputs } = await data("from_laptop");
    expect(outputs).toEqual([
      [
        "from the laptop",
        // The SDK uploads a local folder by the files' names: its tree is not kept.
        "other=deeper",
        "top.txt=from the laptop's folder",
        "walked other top.txt",
        "top other top.txt",
        "one from the laptop's folder",
      ],
    ]);
  });

  test("dataclasses, pydantic models, times, enums, maps and odd text come through a child as they were", async () => {
    expect((await data("values")).outputs).toEqual([true]);
  });

  test("a report can be looked at as it grows", async () => {
    const folder = join(homeplane.dataDir, "report-steps");
    await mkdir(folder);
    const run = await homeplane.startFeature("growing", { FOLDER: folder }, "data.py");
    for (const step of [0, 1, 2]) {
      const page = await eventually(`step ${step} is in the report`, 60_000, async () => {
        const text = await report(run);
        return text?.includes(`step ${step}`) ? text : undefined;
      });
      expect(page).not.toContain(`step ${step + 1}`);
      await writeFile(join(folder, String(step)), "");
    }
    await eventually("the run's end", 60_000, async () => {
      return (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED;
    });
    expect(await report(run)).toContain("step 2");
  });

  async function report(run: string): Promise<string | undefined> {
    const source = { case: "actionAttemptId" as const, value: { actionId: homeplane.actionId(run), attempt: 1 } };
    try {
      const { preSignedUrls } = await homeplane.data.createDownloadLink({ artifactType: ArtifactType.REPORT, source });
      const answer = await fetch(preSignedUrls?.signedUrl[0] ?? "");
      return answer.status === 200 ? await answer.text() : undefined;
    } catch {
      return undefined;
    }
  }

  test("values of 8 MiB go from task to task; larger ones fail the task that reads them, by the SDK's own limit", async () => {
    expect((await data("through_values")).outputs).toEqual([8 * MIB]);
    const { run, phase } = await data("too_large_between");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result } = await homeplane.details(run);
    expect(result.case === "errorInfo" && result.value.message).toMatch(/exceeds|too large|limit|max/i);
  });

  test("outputs of more than 20 MiB are told with their size, the limit and where they lie", async () => {
    expect(await words("large_output")).toMatch(
      /s3:\/\/\S+outputs\.pb is 22020\d+ bytes, the limit is 20971520: read it from the object store/,
    );
  });

  test("inputs of more than 10 MiB are refused before anything runs, with the way out", async () => {
    const before = await runCount();
    expect(await words("large_input")).toMatch(
      /inputs: are 11534\d+ bytes, the limit is 10485760: pass large data as flyte\.io\.File/,
    );
    expect(await runCount()).toBe(before);
  });

  async function runCount(): Promise<number> {
    const value = { name: "flytesnacks", domain: "development" };
    const { runs } = await homeplane.runs.listRuns({ scopeBy: { case: "projectId", value }, request: { limit: 1000 } });
    return runs.length;
  }
});
