/** Images with layers: the one Python environment has what they ask for, or the user is told at once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, sdks, TestHomeplane } from "./homeplane.ts";

describe.skipIf(!hasPython).each(sdks)("images with flyte $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());
  const feature = (name: string, env = {}) => homeplane.feature(name, env, "image_tasks.py");

  test("a task whose packages are all there runs, also as a child", async () => {
    expect((await feature("works")).outputs).toEqual(["google.protobuf"]);
    expect((await feature("parent")).outputs).toEqual(["google.protobuf"]);
  });

  test("one whose packages are not there is refused at `flyte run`, with the list and the way out", async () => {
    const before = await runs();
    const { code, stdout, stderr } = await homeplane.flyte(["run", "image_tasks.py", "never"], { COLUMNS: "300" });
    const said = stdout + stderr;
    expect(code).not.toBe(0);
    expect(said).toContain("no-such-package-anywhere>=2 (not installed)");
    expect(said).toMatch(/protobuf==0\.1 \([\d.]+ is installed\)/);
    expect(said).toContain(`${sdk.python} -m pip install --pre 'no-such-package-anywhere>=2' protobuf==0.1`);
    expect(await runs()).toBe(before);
  });

  test("where the client checks no images, the failed import itself says where to install", async () => {
    const { run, phase } = await feature("imports_what_is_not_there", { LOCAL_BUILDER: "1" });
    expect(phase).toBe("ActionPhase.FAILED");
    expect((await homeplane.details(run)).result.value).toMatchObject({
      message: expect.stringContaining(`${sdk.python} -m pip install`) as unknown,
    });
  });

  async function runs(): Promise<number> {
    const projectId = { organization: "", name: "flytesnacks", domain: "development" };
    const answer = await homeplane.runs.listRuns({ scopeBy: { case: "projectId", value: projectId } });
    return answer.runs.length;
  }
});
