/** How actions end: bounds on their time, the delay before a retry, exit codes, kills, aborts. One promise a test. */
import { join } from "node:path";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { type ActionDetails, ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const errorOf = ({ result }: ActionDetails) => (result.case === "errorInfo" ? result.value : undefined);
const phases = ({ attempts }: ActionDetails): ActionPhase[] => attempts.map(({ phase }) => phase);
const secondsOf = ({ status }: ActionDetails): number => Number(status?.durationMs ?? 0n) / 1000;

describe.skipIf(!hasPython).each(sdks)("the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  const isNew = sdk.version !== "2.5.8";
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  async function feature(name: string, env: Record<string, string> = {}) {
    const result = await homeplane.feature(name, env, "timeouts.py");
    return {
      ...result,
      raised: "raised" in result ? result.raised : undefined,
      details: await homeplane.details(result.run),
    };
  }

  test.each([
    ["runtime", "MAX_RUNTIME_EXCEEDED", "MaxRuntimeExceededError", "ran for longer than its max_runtime of 2s"],
    ["deadline", "DEADLINE_EXCEEDED", "DeadlineExceededError", "not ended within its deadline of 6s"],
  ])(
    "a task that exceeds its bound (%s) is TIMED_OUT with the code %s, and leaves no process",
    async (name, code, error, message) => {
      const { run, phase, raised, details } = await feature(name);
      expect(phase).toBe("ActionPhase.TIMED_OUT");
      expect(errorOf(details)).toMatchObject({
        code,
        kind: ErrorInfo_Kind.USER,
        message: expect.stringContaining(message),
      });
      if (isNew) expect(raised).toBe(error);
      expect(await processesOf(run)).toEqual([]);
      expect(secondsOf(details)).toBeLessThan(20);
    },
  );

  test.each([
    ["runtime", "MaxRuntimeExceededError"],
    ["deadline", "DeadlineExceededError"],
  ])("a parent can catch its child's timeout (%s) as the SDK's own %s", async (name, error) => {
    const { phase, outputs } = await feature(`catches_${name}`);
    // 2.5.8 has one class for all three.
    const seen = isNew ? `${error} ${error}` : "TaskTimeoutError TaskTimeoutError";
    expect({ phase, outputs }).toEqual({ phase: "ActionPhase.SUCCEEDED", outputs: [seen] });
  });

  test("max_runtime counts per attempt, and uses up retries", async () => {
    const { outputs, details } = await feature("runtime_retried");
    expect(outputs).toEqual(["attempt 3"]);
    expect(phases(details)).toEqual([ActionPhase.TIMED_OUT, ActionPhase.TIMED_OUT, ActionPhase.SUCCEEDED]);
  });

  test("a deadline ends the action though retries are left, and each attempt keeps its own error", async () => {
    const { details } = await feature("deadline_retried");
    const codes = details.attempts.map(({ errorInfo }) => errorInfo?.code);
    expect(codes.length).toBeGreaterThan(1);
    expect(codes.length).toBeLessThan(100);
    expect(codes.slice(0, -1).every((code) => code === "ValueError")).toBe(true);
    expect(codes.at(-1)).toBe("DEADLINE_EXCEEDED");
  });

  test("bounds that are not reached change nothing", async () => {
    expect(await feature("quick")).toMatchObject({ phase: "ActionPhase.SUCCEEDED", outputs: ["in time"] });
  });

  test("the backoff of a retry strategy is kept, and when the next attempt starts is told", async () => {
    const { outputs, details } = await feature("paced");
    expect(outputs).toEqual(["attempt 3"]);
    const startOf = ({ phaseTransitions }: ActionDetails["attempts"][number]): number =>
      timestampMs(phaseTransitions.find(({ phase }) => phase === ActionPhase.INITIALIZING)!.startTime!);
    const gaps = details.attempts.slice(1).map((attempt, index) => {
      return startOf(attempt) - timestampMs(details.attempts[index]!.endTime!);
    });
    // Pods' times of creation are cut to whole seconds.
    expect(gaps[0]).toBeGreaterThanOrEqual(1000);
    expect(gaps[1]).toBeGreaterThanOrEqual(2000);
    for (const gap of gaps) expect(gap).toBeLessThan(8000);
    expect(details.attempts[1]?.clusterEvents[0]?.message).toMatch(
      /^attempt 2 of 3 starts at \d{4}-.*Z, after ValueError: attempt 1 fails/,
    );
  });

  test.each([
    // 2.5.8 itself hangs after a SystemExit.
    ...(isNew ? [["system_exit", "ExitCode3"]] : []),
    ["os_exit", "ExitCode7"],
  ])("an exit without an exception (%s) fails with %s", async (name, code) => {
    const { phase, details } = await feature(name);
    expect(phase).toBe("ActionPhase.FAILED");
    expect(errorOf(details)).toMatchObject({ code, kind: ErrorInfo_Kind.USER });
  });

  test("kill -9 of a task is a system failure: it is told, the same attempt goes on in a new process, no retry is used", async () => {
    const { outputs, details } = await feature("killed_once", { FLAG: join(homeplane.dataDir, `flag-${sdk.version}`) });
    expect(outputs).toEqual(["attempt 1"]);
    expect(phases(details)).toEqual([ActionPhase.SUCCEEDED]);
    expect(details.attempts[0]?.clusterEvents).toMatchObject([
      { reason: "Interrupted", message: expect.stringMatching(/^pod \S+: the task was killed/) },
    ]);
  });

  test("a non-recoverable error is not retried", async () => {
    const { phase, details } = await feature("hopeless");
    expect(phase).toBe("ActionPhase.FAILED");
    expect(phases(details)).toEqual([ActionPhase.FAILED]);
  });

  test("an abort of a run ends its whole tree, and no process is left", async () => {
    const run = await homeplane.startFeature("tree", {}, "timeouts.py");
    await eventually("seven actions run", 60_000, async () => {
      const actions = await homeplane.actions(run);
      return actions.filter(({ status }) => status?.phase === ActionPhase.RUNNING).length === 7;
    });
    const { code, stdout, stderr } = await homeplane.flyte(["abort", "run", run]);
    expect(code, stdout + stderr).toBe(0);
    await eventually("all are ABORTED", 30_000, async () => {
      const actions = await homeplane.actions(run);
      return actions.every(({ status }) => status?.phase === ActionPhase.ABORTED);
    });
    expect(await processesOf(run)).toEqual([]);
  });

  test("a parent that cancels its children's tasks aborts them, and goes on", async () => {
    const { run, phase, outputs } = await feature("cancels");
    expect({ phase, outputs }).toEqual({
      phase: "ActionPhase.SUCCEEDED",
      outputs: ["CancelledError CancelledError"],
    });
    const children = (await homeplane.actions(run)).filter(({ metadata }) => metadata?.parent === "a0");
    expect(children.map(({ status }) => status?.phase)).toEqual([ActionPhase.ABORTED, ActionPhase.ABORTED]);
    expect(await processesOf(run)).toEqual([]);
  });
});

describe.skipIf(!hasPython).each(sdks)(
  "the flyte SDK $version, where one task runs at a time",
  { timeout: 120_000 },
  (sdk) => {
    let homeplane: TestHomeplane;
    beforeAll(async () => {
      homeplane = await TestHomeplane.start({ sdk, args: ["--slots", "1"] });
    });
    afterAll(() => homeplane[Symbol.asyncDispose]());

    test("a task that finds no place within its max_queued_time is TIMED_OUT, and it is said what it waited for", async () => {
      const sleeper = await homeplane.startFeature("sleeper", {}, "timeouts.py");
      await eventually("the sleeper has the place", 30_000, async () => {
        return (await homeplane.details(sleeper)).status?.phase === ActionPhase.RUNNING;
      });
      const result = await homeplane.feature("queued", {}, "timeouts.py");
      expect(result.phase).toBe("ActionPhase.TIMED_OUT");
      const details = await homeplane.details(result.run);
      expect(errorOf(details)).toMatchObject({
        code: "QUEUED_TIMEOUT_EXCEEDED",
        kind: ErrorInfo_Kind.USER,
        message: expect.stringMatching(/^waited for longer than its max_queued_time of 3s: \S+/),
      });
      expect(details.attempts[0]?.phaseTransitions.map(({ phase }) => phase)).not.toContain(ActionPhase.RUNNING);
      if (sdk.version !== "2.5.8") expect(result).toMatchObject({ raised: "MaxQueuedTimeExceededError" });
      const { code, stdout, stderr } = await homeplane.flyte(["abort", "run", sleeper]);
      expect(code, stdout + stderr).toBe(0);
    });

    test("a parent can catch that of its child", async () => {
      const { phase, outputs } = await homeplane.feature("catches_queued", {}, "timeouts.py");
      const name = sdk.version === "2.5.8" ? "TaskTimeoutError" : "MaxQueuedTimeExceededError";
      expect({ phase, outputs }).toEqual({ phase: "ActionPhase.SUCCEEDED", outputs: [`${name} ${name}`] });
    });
  },
);
