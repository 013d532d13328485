/** Checkpoints: a later attempt, or the next pod of a lost one, goes on from what was saved. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const file = "checkpoints.py";

describe.skipIf(!hasPython).each(sdks)("checkpoints with the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  test("each attempt reads what the last one that saved anything has saved; the first one has nothing", async () => {
    const { run, outputs } = await homeplane.feature("counts", {}, file);
    expect(outputs).toEqual(["went on from 01"]);
    const first = (await homeplane.log(run, "a0", 1)).map(({ text }) => text).join("");
    expect(first).toContain("attempt 0 goes on from ''");
  });

  test("a pod that takes the place of one that was killed goes on from its checkpoint", async () => {
    const { run, outputs } = await homeplane.feature("killed", { FLAG: join(homeplane.dataDir, "killed") }, file);
    expect(outputs).toEqual(["went on from half of it"]);
    expect((await homeplane.details(run)).attempts).toHaveLength(1);
  });

  test("a folder is saved and comes back as it was", async () => {
    const { outputs } = await homeplane.feature("folder", {}, file);
    expect(outputs).toEqual(["went on from step 7"]);
  });
});
