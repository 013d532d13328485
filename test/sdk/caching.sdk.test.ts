/** Cached results with the unmodified SDK: what ran before on the same inputs does not run again. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CatalogCacheStatus } from "@homeplane/idl/flyteidl2/core/catalog";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const { CACHE_HIT, CACHE_POPULATED } = CatalogCacheStatus;
const succeeded = "ActionPhase.SUCCEEDED";

describe.skipIf(!hasPython).each(sdks)("caching with the flyte SDK $version", { timeout: 180_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  /** A version of its own, so that no test finds another one's results; counts what really ran. */
  async function scene() {
    const marks = join(homeplane.dataDir, `marks-${randomUUID()}`);
    await mkdir(marks);
    const base = { MARKS: marks, CACHE_VERSION: randomUUID() };
    return {
      run: (task: string, env: Record<string, string> = {}) =>
        homeplane.feature(task, { ...base, ...env }, "caching.py"),
      start: (task: string, env: Record<string, string> = {}) =>
        homeplane.startFeature(task, { ...base, ...env }, "caching.py"),
      ran: async () => (await readdir(marks)).map((name) => name.split("-")[0]),
    };
  }

  const statusOf = async (run: string, action = "a0") => {
    const { status, attempts } = await homeplane.details(run, action);
    expect(attempts.at(-1)?.cacheStatus).toBe(status?.cacheStatus);
    return status?.cacheStatus;
  };

  const childOf = async (run: string) => {
    const child = (await homeplane.actions(run)).find(({ metadata }) => metadata?.parent === "a0");
    return child?.id?.name ?? "";
  };

  test("the second run takes the result of the first: nothing runs, and both show what happened", async () => {
    const it = await scene();
    const first = await it.run("square");
    const second = await it.run("square");
    expect([first.outputs, second.outputs]).toEqual([[9], [9]]);
    expect(await it.ran()).toEqual(["square"]);
    expect([await statusOf(first.run), await statusOf(second.run)]).toEqual([CACHE_POPULATED, CACHE_HIT]);
    const [attempt] = (await homeplane.details(second.run)).attempts;
    expect(attempt?.cacheMetadata?.sourceActionAttempt).toMatchObject({
      actionId: { name: "a0", run: { name: first.run } },
      attempt: 1,
    });
    // Its log is empty, and ends at once.
    expect(await homeplane.log(second.run)).toEqual([]);
  });

  test("other inputs and another version are other results; so is another body under cache=auto", async () => {
    const it = await scene();
    await it.run("square");
    await it.run("square", { X: "4" });
    await it.run("square", { CACHE_VERSION: "another" });
    expect(await it.ran()).toEqual(["square", "square", "square"]);
    expect((await it.run("cube", { X: "7" })).phase).toBe(succeeded);
    expect(await statusOf((await it.run("cube", { X: "7" })).run)).toBe(CACHE_HIT);
  });

  test("overwrite_cache runs the task and leaves the newer result", async () => {
    const it = await scene();
    await it.run("square");
    const second = await it.run("square", { OVERWRITE: "1" });
    expect(await it.ran()).toHaveLength(2);
    expect(await statusOf(second.run)).toBe(CACHE_POPULATED);
    const third = await it.run("square");
    const [attempt] = (await homeplane.details(third.run)).attempts;
    expect(attempt?.cacheMetadata?.sourceActionAttempt?.actionId?.run?.name).toBe(second.run);
  });

  test("inputs that the cache ignores make no difference", async () => {
    const it = await scene();
    await it.run("noted", { NOTE: "one" });
    expect(await statusOf((await it.run("noted", { NOTE: "two" })).run)).toBe(CACHE_HIT);
    await it.run("noted", { NOTE: "one", X: "8" });
    expect(await it.ran()).toHaveLength(2);
  });

  test("a failure is never a result", async () => {
    const it = await scene();
    await it.run("fails");
    await it.run("fails");
    expect(await it.ran()).toHaveLength(4);
  });

  test("a run and a child of another run share one result, whatever the inputs are", async () => {
    const it = await scene();
    await it.run("square");
    const { run, outputs } = await it.run("parent");
    expect(outputs).toEqual([10]);
    expect(await statusOf(run, await childOf(run))).toBe(CACHE_HIT);
    expect(await it.ran()).toEqual(expect.arrayContaining(["parent", "square"]));
    expect(await it.ran()).toHaveLength(2);
    for (const task of ["point", "nothing"]) {
      expect((await it.run(task)).phase).toBe(succeeded);
      const family = await it.run(`parent_of_${task}`);
      expect(family.phase).toBe(succeeded);
      expect(await statusOf(family.run, await childOf(family.run)), task).toBe(CACHE_HIT);
    }
  });

  test("a map takes what is there and runs what is not", async () => {
    const it = await scene();
    expect((await it.run("squares", { X: "3" })).outputs).toEqual([[0, 1, 4]]);
    expect((await it.run("squares", { X: "5" })).outputs).toEqual([[0, 1, 4, 9, 16]]);
    expect(await it.ran()).toHaveLength(5);
  });

  test("of two runs of a serialised task that come together one runs, and of two children of one parent", async () => {
    const it = await scene();
    const runs = [await it.start("slow", { X: "1" }), await it.start("slow", { X: "1" })];
    for (const run of runs)
      await eventually("end", 30_000, async () => (await homeplane.details(run)).status?.endTime !== undefined);
    const statuses = await Promise.all(runs.map((run) => statusOf(run)));
    expect(statuses.toSorted((a, b) => Number(a) - Number(b))).toEqual([CACHE_HIT, CACHE_POPULATED]);
    expect(await it.ran()).toEqual(["slow"]);
    expect((await it.run("twins", { X: "2" })).outputs).toEqual([[2, 2]]);
    expect(await it.ran()).toEqual(["slow", "slow"]);
  });

  test("a result whose files were deleted is made again", async () => {
    const it = await scene();
    const { run } = await it.run("square");
    const objects = join(homeplane.dataDir, "objects");
    const files = await readdir(objects, { recursive: true });
    const outputs = files.filter((path) => path.includes(run) && path.includes("outputs.pb"));
    expect(outputs).not.toEqual([]);
    await Promise.all(outputs.map((path) => rm(join(objects, path), { recursive: true })));
    const second = await it.run("square");
    expect(second.outputs).toEqual([9]);
    expect(await it.ran()).toHaveLength(2);
  });

  test("a file is known by its content, not by its name", async () => {
    const it = await scene();
    const [one, other] = [join(homeplane.dataDir, "one.txt"), join(homeplane.dataDir, "other.txt")];
    await writeFile(one, "the content");
    await writeFile(other, "the content");
    await it.run("a_file", { FILE: one });
    const { run, outputs } = await it.run("a_file", { FILE: other });
    expect(outputs).toEqual(["the content"]);
    expect(await statusOf(run)).toBe(CACHE_HIT);
    await writeFile(other, "changed");
    expect((await it.run("a_file", { FILE: other })).outputs).toEqual(["changed"]);
    expect(await it.ran()).toHaveLength(2);
  });
});
