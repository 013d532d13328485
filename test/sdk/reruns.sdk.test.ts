/** Runs that are run again, and runs that go on from where another one has failed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { RelationType } from "@homeplane/idl/flyteidl2/common/run";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { countMarks } from "./marks.ts";

const file = "reruns.py";

describe.skipIf(!hasPython).each(sdks)("reruns with the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  let counts: string;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());
  beforeEach(async () => {
    counts = await mkdtemp(join(tmpdir(), "homeplane-counts-"));
    return () => rm(counts, { recursive: true });
  });

  const ran = (): Promise<Record<string, number>> => countMarks(counts);
  const answer = async (run: string, value: bigint): Promise<void> => {
    const name = await eventually("the condition is paused", 60_000, async () => {
      const actions = await homeplane.actions(run);
      const found = actions.find(({ metadata }) => metadata?.spec.case === "condition");
      return found?.status?.phase === ActionPhase.PAUSED && found.id?.name;
    });
    const payload = { value: { case: "intValue" as const, value } };
    await homeplane.runs.signalEvent({ actionId: homeplane.actionId(run, name), parentActionName: "a0", payload });
  };
  const ended = (run: string): Promise<ActionPhase> =>
    eventually("the run has ended", 60_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.endTime !== undefined && status.phase;
    });
  const failedRun = async (): Promise<string> => {
    const run = await homeplane.startFeature("two_halves", { COUNTS: counts }, file);
    await answer(run, 5n);
    expect(await ended(run)).toBe(ActionPhase.FAILED);
    return run;
  };
  const rerun = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await homeplane.flyte(["rerun", ...args]);
    expect(code, stdout + stderr).toBe(0);
    const found = /\/runs\/(r[a-z2-7]+)/.exec(stdout)?.[1];
    if (found === undefined) throw new Error(`flyte rerun told no name:\n${stdout}${stderr}`);
    return found;
  };

  test("flyte rerun runs it all again with the same inputs, and its root says of which run it is one", async () => {
    const source = await failedRun();
    await writeFile(join(counts, "flag"), "");
    const run = await rerun(source);
    await answer(run, 6n);
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("5, noted, 6, found the flag");
    expect(await ran()).toMatchObject({ "square-0": 2, "square-2": 2, note: 2, needs_flag: 2 });
    if (sdk.version === "2.5.8") return;
    const { metadata } = await homeplane.details(run);
    expect(metadata?.relation).toMatchObject({ relatedTo: { name: source }, relationType: RelationType.RERUN });
    const { stdout } = await homeplane.flyte(["get", "run", run]);
    expect(stdout).toContain("RELATION_TYPE_RERUN");
  });

  test("a child can be rerun by itself", async () => {
    const source = await failedRun();
    const actions = await homeplane.actions(source);
    const child = actions.find(
      ({ metadata, status }) =>
        metadata?.spec.case === "task" && status?.phase === ActionPhase.FAILED && metadata.parent,
    );
    await writeFile(join(counts, "flag"), "");
    const script = "import sys, flyte; flyte.init_from_config(); print(flyte.rerun(sys.argv[1], sys.argv[2]).name)";
    const args = ["-c", script, source, child?.id?.name ?? ""];
    const { code, stdout, stderr } = await homeplane.run(homeplane.python, args);
    expect(code, stderr).toBe(0);
    const run = stdout.trim().split("\n").at(-1) ?? "";
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("found the flag");
    expect(await ran()).toMatchObject({ "square-0": 1, needs_flag: 2 });
  });

  describe.skipIf(sdk.version === "2.5.8")("flyte rerun --recover", () => {
    test("runs what has failed, and takes over children, traces and answers that were there already", async () => {
      const source = await failedRun();
      await writeFile(join(counts, "flag"), "");
      const run = await rerun(source, "--recover");
      expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
      expect(await homeplane.textOutput(run)).toBe("5, noted, 5, found the flag");
      expect(await ran()).toMatchObject({ "square-0": 1, "square-1": 1, "square-2": 1, note: 1, needs_flag: 2 });
      const { metadata } = await homeplane.details(run);
      expect(metadata?.relation).toMatchObject({ relatedTo: { name: source }, relationType: RelationType.RECOVER });
      const actions = await homeplane.actions(run);
      const recovered = actions.filter(({ status }) => status?.phase === ActionPhase.RECOVERED);
      expect(recovered).toHaveLength(4);
      expect(recovered.every((action) => action.metadata?.recoveredFrom?.run?.name === source)).toBe(true);
      const square = recovered.find(({ metadata: of }) => of?.spec.case === "task");
      const { outputs } = await homeplane.data.getActionData({ actionId: homeplane.actionId(run, square?.id?.name) });
      expect(outputs?.literals).toHaveLength(1);
      // A run that was recovered can be recovered in turn: what it took over is taken over again.
      const again = await rerun(run, "--recover");
      expect(await ended(again)).toBe(ActionPhase.SUCCEEDED);
      expect(await ran()).toMatchObject({ "square-0": 1, note: 1, needs_flag: 2 });
    });

    test("does again what it is told to do again", async () => {
      const source = await failedRun();
      const actions = await homeplane.actions(source);
      const square = actions.find(
        ({ metadata, status }) =>
          metadata?.spec.case === "task" && metadata.parent === "a0" && status?.phase === ActionPhase.SUCCEEDED,
      );
      await writeFile(join(counts, "flag"), "");
      const run = await rerun(source, "--recover", "--force-rerun-action", square?.id?.name ?? "");
      expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
      const squares = Object.entries(await ran()).filter(([name]) => name.startsWith("square"));
      expect(squares.map(([, times]) => times).toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
    });
  });
});
