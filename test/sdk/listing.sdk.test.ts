/** What the SDK's command line lists and changes: projects, tasks, runs, actions, settings. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, sdks, TestHomeplane } from "./homeplane.ts";

describe.skipIf(!hasPython).each(sdks)("flyte $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  const runs: string[] = [];
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
    runs.push((await homeplane.feature("plain")).run, (await homeplane.feature("non_recoverable")).run);
  }, 60_000);
  afterAll(() => homeplane[Symbol.asyncDispose]());

  /** Its output without colours, boxes and line breaks. */
  const flyte = async (...args: string[]) => {
    const { code, stdout, stderr } = await homeplane.flyte(["-of", "json", ...args]);
    return { code, text: stripVTControlCharacters(stdout + stderr).replaceAll(/[\s│]+/g, " ") };
  };
  const found = async (...args: string[]) => {
    const { code, text } = await flyte("get", "run", ...args);
    expect([code, text]).toEqual([0, expect.any(String)]);
    return runs.filter((run) => text.includes(run)).map((run) => (run === runs[0] ? "good" : "bad"));
  };

  test("get run: all, and by phase", async () => {
    expect(await found()).toEqual(["good", "bad"]);
    expect(await found("--in-phase", "succeeded")).toEqual(["good"]);
  });

  test("get run and get action of one run", async () => {
    expect((await flyte("get", "run", runs[0] ?? "")).text).toContain(runs[0]);
    expect((await flyte("get", "action", runs[0] ?? "")).text).toContain("a0");
    const none = await flyte("get", "run", "no-such-run");
    expect(none.code).not.toBe(0);
    expect(none.text).toContain("there is no run");
  });

  test("projects are made, listed, archived and brought back", async () => {
    expect((await flyte("create", "project", "--id", "shop", "--name", "Shop")).code).toBe(0);
    expect((await flyte("create", "project", "--id", "shop", "--name", "Shop")).text).toContain("exists already");
    expect((await flyte("get", "project")).text).toContain("shop");
    expect((await flyte("update", "project", "shop", "--archive")).code).toBe(0);
    expect((await flyte("get", "project")).text).not.toContain("shop");
    expect((await flyte("get", "project", "--archived")).text).toContain("shop");
    const refused = await flyte("run", "--project", "shop", "features.py", "plain");
    expect(refused.text).toContain("is archived");
    expect((await flyte("update", "project", "shop", "--unarchive")).code).toBe(0);
    expect((await flyte("get", "project")).text).toContain("shop");
  });

  test("deployed tasks are listed, one is shown, and whoami answers", async () => {
    expect((await flyte("deploy", "triggers.py", "env")).code).toBe(0);
    const tasks = await flyte("get", "task");
    expect(tasks.text).toContain("triggers.scheduled");
    expect((await flyte("get", "task", "triggers.plain")).text).toContain("triggers.plain");
    expect((await flyte("whoami")).text).toContain('"subject": "local"');
  });

  test("settings are edited, shown, and reach runs", async () => {
    const file = join(homeplane.dataDir, "settings.yaml");
    await writeFile(file, "environment_variables:\n  GREETING: from the settings\nlabels:\n  team: blue\n");
    const edited = await flyte("edit", "settings", "--domain", "development", "--from-file", file);
    expect([edited.code, edited.text]).toEqual([0, expect.stringContaining("updated successfully")]);
    expect((await flyte("get", "settings", "--domain", "development")).text).toContain("from the settings");
    const { run, outputs } = await homeplane.feature("plain");
    expect(outputs).toEqual(["plain"]);
    const { details } = await homeplane.runs.getRunDetails({ runId: homeplane.actionId(run).run });
    expect(details?.runSpec?.labels?.values).toEqual({ team: "blue" });
  });

  test("what is not served says so", async () => {
    const apps = await flyte("get", "app");
    expect(apps.code).not.toBe(0);
    expect(apps.text).toContain("apps are not served here yet");
  });
});
