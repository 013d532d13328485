/** Conditions: a task that waits for an answer from outside. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { Action } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const file = "conditions.py";
type Answer = NonNullable<Parameters<TestHomeplane["runs"]["signalEvent"]>[0]["payload"]>["value"];

describe.skipIf(!hasPython).each(sdks)("conditions with the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  const conditions = async (run: string): Promise<readonly Action[]> =>
    (await homeplane.actions(run)).filter(({ metadata }) => metadata?.spec.case === "condition");
  const paused = (run: string, count = 1): Promise<readonly Action[]> =>
    eventually(`${count} conditions are paused`, 60_000, async () => {
      const found = await conditions(run);
      return found.length === count && found.every(({ status }) => status?.phase === ActionPhase.PAUSED) && found;
    });
  const signal = (run: string, { id, metadata }: Action, value: Answer) =>
    homeplane.runs.signalEvent({
      actionId: homeplane.actionId(run, id?.name),
      parentActionName: metadata?.parent ?? "",
      payload: { value },
    });
  const ended = (run: string): Promise<ActionPhase> =>
    eventually("the run has ended", 60_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.endTime !== undefined && status.phase;
    });
  const refusal = (call: Promise<unknown>): Promise<Code | undefined> =>
    call.then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );

  test("the CLI answers a paused condition, and the task goes on with the answer", async () => {
    const run = await homeplane.startFeature("approve", {}, file);
    const [condition] = await paused(run);
    const { spec } = await homeplane.details(run, condition?.id?.name);
    expect(spec).toMatchObject({ case: "condition", value: { prompt: "What about approval?", name: "approval" } });
    const { code, stdout, stderr } = await homeplane.flyte([
      "signal",
      "condition",
      run,
      condition?.id?.name ?? "",
      "true",
    ]);
    expect(code, stdout + stderr).toBe(0);
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("approved");
    const { status, result } = await homeplane.details(run, condition?.id?.name);
    expect(status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect(result).toMatchObject({ case: "signalInfo", value: { output: { value: { case: "scalar" } } } });
  });

  test("each type of answer reaches the task as what it is", async () => {
    const run = await homeplane.startFeature("all_types", {}, file);
    const answers: Record<string, Answer> = {
      b: { case: "boolValue", value: false },
      i: { case: "intValue", value: 9_007_199_254_740_993n },
      f: { case: "intValue", value: 3n },
      s: { case: "stringValue", value: "ein Wort: ä" },
    };
    for (const condition of await paused(run, 4)) {
      const spec = condition.metadata?.spec;
      const name = (spec?.case === "condition" && spec.value.name) || "";
      await signal(run, condition, answers[name] ?? { case: undefined });
    }
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("[False, 9007199254740993, 3.0, 'ein Wort: ä']");
  });

  test("a condition that nobody answers in time raises what the SDK has for it", async () => {
    const { run, outputs } = await homeplane.feature("nobody_answers", {}, file);
    expect(outputs?.[0]).toContain("gave up");
    const [condition] = await conditions(run);
    expect(condition?.status?.phase).toBe(ActionPhase.TIMED_OUT);
    expect(await refusal(signal(run, condition!, { case: "boolValue", value: true }))).toBe(Code.FailedPrecondition);
  });

  test("a task that is retried sees the old answer and asks nobody again", async () => {
    const run = await homeplane.startFeature("asks_once", {}, file);
    const [condition] = await paused(run);
    expect(await refusal(signal(run, condition!, { case: "stringValue", value: "x" }))).toBe(Code.InvalidArgument);
    await signal(run, condition!, { case: "intValue", value: 42n });
    await signal(run, condition!, { case: "intValue", value: 42n });
    expect(await refusal(signal(run, condition!, { case: "intValue", value: 43n }))).toBe(Code.AlreadyExists);
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("42 in attempt 2");
    expect(await conditions(run)).toHaveLength(1);
  });

  test("a parent that ends or is aborted takes its conditions with it", async () => {
    const run = await homeplane.startFeature("approve", {}, file);
    const [condition] = await paused(run);
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "enough" });
    expect(await ended(run)).toBe(ActionPhase.ABORTED);
    const { run: other, outputs } = await homeplane.feature("registers_only", {}, file);
    expect(outputs).toEqual(["did not wait"]);
    const [left] = await conditions(other);
    for (const [of, name] of [
      [run, condition?.id?.name],
      [other, left?.id?.name],
    ] as const) {
      await eventually(
        "the condition is aborted",
        20_000,
        async () => (await homeplane.details(of, name)).status?.phase === ActionPhase.ABORTED,
      );
    }
  });

  test("an answer survives that homeplane is killed right after it was given", async () => {
    const run = await homeplane.startFeature("approve", {}, file);
    const [condition] = await paused(run);
    await signal(run, condition!, { case: "boolValue", value: true });
    await homeplane.stop("SIGKILL");
    await homeplane.up();
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("approved");
  });

  test("the SDK lists a run's conditions, finds one by its name and answers it", async () => {
    const run = await homeplane.startFeature("approve", {}, file);
    await paused(run);
    const script = [
      "import sys, flyte, flyte.remote as remote",
      "flyte.init_from_config()",
      "names = [c.name for c in remote.Condition.listall(run_name=sys.argv[1])]",
      "c = remote.Condition.get('approval', run_name=sys.argv[1], action_name='a0')",
      "print(names, c.expected_type, c.phase)",
      "c.signal(False)",
    ].join("\n");
    const { code, stdout, stderr } = await homeplane.run(homeplane.python, ["-c", script, run]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("['approval'] <class 'bool'>");
    expect(await ended(run)).toBe(ActionPhase.SUCCEEDED);
    expect(await homeplane.textOutput(run)).toBe("refused");
  });
});
