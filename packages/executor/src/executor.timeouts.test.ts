/** Bounds on a task's time and the delay before a retry, on virtual time. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { terminalPhase } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { checkEnd } from "./testing/invariants.ts";
import { forbidden, isPodCreate } from "./testing/intercept.ts";
import { ms } from "./testing/samples.ts";
import { type Script, World } from "./testing/world.ts";

const runs = { kind: "run" } as const;
const succeeds = { kind: "exit", code: 0, runMs: 1000 } as const;
const userError = { ...succeeds, error: { code: "ValueError", recoverable: true } } as const;

const worldOf = (script: Script): Promise<World> => new World({ script }).start();
const maxRuntime = (seconds: number) => ({ timeout: ms(seconds * 1000) });
const queued = (seconds: number) => ({ timeouts: { queuedTimeout: ms(seconds * 1000) } });
const deadline = (seconds: number) => ({ timeouts: { deadline: ms(seconds * 1000) } });

async function end(world: World): Promise<{ codes: (string | undefined)[]; phases: string[]; tookMs: number }> {
  await world.untilReported("a0");
  await checkEnd(world);
  const { status, metadata } = await world.taskAction("r1");
  const records = status?.attemptHistory ?? [];
  return {
    codes: records.map(({ error }) => error?.code),
    phases: records.map(({ phase }) => phase),
    tookMs: Date.parse(records.at(-1)?.endedAt ?? "") - Date.parse(metadata.creationTimestamp ?? ""),
  };
}

describe("max_runtime", () => {
  test("a task that runs for longer is stopped, and its action ends as TIMED_OUT with the SDK's code", async () => {
    await using world = await worldOf(() => runs);
    world.submit("r1", { metadata: maxRuntime(10) });
    const { codes, phases, tookMs } = await end(world);
    expect([codes, phases]).toEqual([["MAX_RUNTIME_EXCEEDED"], ["TIMED_OUT"]]);
    expect(tookMs).toBeGreaterThanOrEqual(10_000);
    expect(tookMs).toBeLessThan(13_000);
    const action = await world.taskAction("r1");
    expect(terminalPhase(action)).toBe("TIMED_OUT");
    expect(action.status?.errorState).toMatchObject({
      code: "MAX_RUNTIME_EXCEEDED",
      kind: "USER",
      message: "ran for longer than its max_runtime of 10s",
    });
    const last = world.controlPlane.events.get("a0")?.at(-1);
    expect(last).toMatchObject({ phase: ActionPhase.TIMED_OUT, errorInfo: { code: "MAX_RUNTIME_EXCEEDED" } });
    expect(last?.logContext?.primaryPodName).not.toBe("");
  });

  test("counts per attempt, and an attempt that exceeds it uses up a retry", async () => {
    await using world = await worldOf(({ attempt }) => (attempt < 3 ? runs : succeeds));
    world.submit("r1", { retries: 2, metadata: { retries: { retries: 2 }, ...maxRuntime(5) } });
    const { codes, phases } = await end(world);
    expect(phases).toEqual(["TIMED_OUT", "TIMED_OUT", "SUCCEEDED"]);
    expect(codes).toEqual(["MAX_RUNTIME_EXCEEDED", "MAX_RUNTIME_EXCEEDED", undefined]);
  });

  test("counts anew for a pod that takes the place of a lost one", async () => {
    await using world = await worldOf(({ turn }) =>
      turn === 0 ? { kind: "exit", code: 137, runMs: 8000 } : { ...succeeds, runMs: 8000 },
    );
    world.submit("r1", { metadata: maxRuntime(10) });
    expect((await end(world)).phases).toEqual(["SUCCEEDED"]);
    expect(world.kubelet.podsOf.get("a0")).toBe(2);
  });

  test("does not count the time before the task runs", async () => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 60_000, runMs: 4000 }));
    world.submit("r1", { metadata: maxRuntime(5) });
    expect((await end(world)).phases).toEqual(["SUCCEEDED"]);
  });

  test("what the task has finished before it could be stopped counts, though nobody looked in time", async () => {
    await using world = await worldOf(() => ({ ...succeeds, runMs: 8000 }));
    world.submit("r1", { metadata: maxRuntime(5), declaresOutputs: true });
    await world.pass(2000);
    await world.withoutExecutor(20_000);
    expect((await end(world)).phases).toEqual(["SUCCEEDED"]);
  });

  test("the pod has ended before the end is told: not before its grace time is used", async () => {
    await using world = await worldOf(() => ({ ...runs, slowMs: 20_000 }));
    world.submit("r1", { metadata: maxRuntime(5) });
    await world.pass(15_000);
    const { status } = await world.taskAction("r1");
    expect(status?.exceeded?.code).toBe("MAX_RUNTIME_EXCEEDED");
    expect(status?.conditions?.[0]).toMatchObject({
      reason: "Executing",
      message: "is being stopped: ran for longer than its max_runtime of 5s",
    });
    expect(world.controlPlane.ends.has("a0")).toBe(false);
    const { phases, tookMs } = await end(world);
    expect(phases).toEqual(["TIMED_OUT"]);
    expect(tookMs).toBeGreaterThanOrEqual(25_000);
  });
});

describe("max_queued_time", () => {
  test("a pod that finds no node in time is given up, and it is said what it waited for", async () => {
    await using world = await worldOf(() => ({ kind: "unscheduled", message: "0/3 nodes available" }));
    world.submit("r1", { metadata: queued(30) });
    expect(await end(world)).toMatchObject({ codes: ["QUEUED_TIMEOUT_EXCEEDED"], phases: ["TIMED_OUT"] });
    expect((await world.taskAction("r1")).status?.errorState?.message).toBe(
      "waited for longer than its max_queued_time of 30s: 0/3 nodes available",
    );
    expect((await world.client.list(pods)).items).toEqual([]);
  });

  test("counts while a quota lets no pod be made", async () => {
    await using world = await worldOf(() => succeeds);
    world.intercept = (request) =>
      isPodCreate(request) ? forbidden('pods "p" is forbidden: exceeded quota: q') : undefined;
    world.submit("r1", { metadata: queued(30) });
    const { codes, tookMs } = await end(world);
    expect(codes).toEqual(["QUEUED_TIMEOUT_EXCEEDED"]);
    expect(tookMs).toBeLessThan(33_000);
    expect(world.kubelet.podsOf.get("a0")).toBeUndefined();
  });

  test("does not count once the pod has a node, and not the backoff before a retry", async () => {
    await using world = await worldOf(({ attempt }) =>
      attempt === 1 ? userError : { ...succeeds, startAfterMs: 60_000 },
    );
    const backoff = { base: ms(60_000) };
    world.submit("r1", { metadata: { ...queued(10), retries: { retries: 1, backoff } } });
    expect((await end(world)).phases).toEqual(["FAILED", "SUCCEEDED"]);
  });

  test("does not count against a pod that ran and has vanished: that is a system failure", async () => {
    await using world = await worldOf(({ turn }) => (turn === 0 ? runs : succeeds));
    world.submit("r1", { metadata: queued(10) });
    await world.pass(20_000);
    const [pod] = await world.livePods();
    const name = { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" };
    await world.client.patch(pods, name, { metadata: { finalizers: [] } });
    await world.client.delete(pods, name, { gracePeriodSeconds: 0 });
    expect((await end(world)).phases).toEqual(["SUCCEEDED"]);
    expect((await world.taskAction("r1")).status).toMatchObject({
      systemFailures: 1,
      relaunches: [{ code: "ResourceDeletedExternally" }],
    });
  });

  test("counts anew for each attempt", async () => {
    await using world = await worldOf(() => ({ kind: "unscheduled", message: "no room" }));
    world.submit("r1", { metadata: { ...queued(10), retries: { retries: 1 } } });
    const { codes, tookMs } = await end(world);
    expect(codes).toEqual(["QUEUED_TIMEOUT_EXCEEDED", "QUEUED_TIMEOUT_EXCEEDED"]);
    expect(tookMs).toBeGreaterThanOrEqual(20_000);
  });
});

describe("deadline", () => {
  test.each<[string, Script]>([
    ["a task that runs", () => runs],
    ["a pod that waits for a node", () => ({ kind: "unscheduled", message: "no room" })],
    ["a container that does not start", () => ({ kind: "stuck", reason: "ErrImagePull", message: "m" })],
    ["attempts that fail one after the other", () => ({ ...userError, runMs: 4000 })],
    ["pods that are lost one after the other", () => ({ kind: "exit", code: 137, runMs: 9000 })],
  ])("ends %s, with retries left", async (_, script) => {
    await using world = await worldOf(script);
    world.submit("r1", { metadata: { ...deadline(20), retries: { retries: 50 } } });
    const { codes, phases, tookMs } = await end(world);
    expect(codes.at(-1)).toBe("DEADLINE_EXCEEDED");
    expect(phases.at(-1)).toBe("TIMED_OUT");
    expect(tookMs).toBeGreaterThanOrEqual(20_000);
    expect(tookMs).toBeLessThan(24_000);
  });

  test("ends an action in the backoff before its next attempt", async () => {
    await using world = await worldOf(() => userError);
    const retries = { retries: 5, backoff: { base: ms(600_000) } };
    world.submit("r1", { metadata: { ...deadline(20), retries } });
    const { codes, tookMs } = await end(world);
    expect(codes).toEqual(["ValueError", "DEADLINE_EXCEEDED"]);
    expect(tookMs).toBeLessThan(23_000);
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
  });

  test("of a parent ends its children too", async () => {
    await using world = await worldOf(() => runs);
    world.submit("r1", { metadata: deadline(20) });
    await world.until("root", async () => (await world.livePods()).length > 0);
    await world.addChild("r1", "c1");
    await world.untilReported("a0", "c1");
    expect(world.controlPlane.ends.get("c1")).toEqual(new Set([ActionPhase.ABORTED]));
    await checkEnd(world);
  });
});

test("bounds that are not reached cost no write", async () => {
  const effects = async (metadata: object): Promise<number> => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 2000, runMs: 5000 }));
    world.submit("r1", { metadata });
    await world.untilReported("a0");
    return world.effects;
  };
  const bounded = { ...maxRuntime(10), timeouts: { queuedTimeout: ms(10_000), deadline: ms(60_000) } };
  expect(await effects(bounded)).toBe(await effects({}));
});

describe("whatever happens to the clock and to the executor", () => {
  test("a bound is kept when the executor is away while it ends", async () => {
    await using world = await worldOf(() => runs);
    world.submit("r1", { metadata: maxRuntime(10) });
    await world.pass(3000);
    await world.withoutExecutor(60_000);
    expect(await end(world)).toMatchObject({ codes: ["MAX_RUNTIME_EXCEEDED"] });
    expect((await world.taskAction("r1")).status?.systemFailures ?? 0).toBe(0);
  });

  test("a pod that is gone when the executor comes back was stopped by it, and is not made anew", async () => {
    await using world = await worldOf(() => ({ ...runs, slowMs: 5000 }));
    world.submit("r1", { metadata: maxRuntime(10) });
    await world.until("decided", async () => (await world.livePods())[0]?.metadata.deletionTimestamp !== undefined);
    await world.withoutExecutor(30_000);
    expect((await world.client.list(pods)).items).toEqual([]);
    expect(await end(world)).toMatchObject({ codes: ["MAX_RUNTIME_EXCEEDED"], phases: ["TIMED_OUT"] });
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
  });

  test.each([-3_600_000, -5000])(
    "a wall clock that is set by %i ms makes no bound and no backoff longer",
    async (jump) => {
      await using world = await worldOf(({ attempt }) => (attempt === 1 ? userError : runs));
      const retries = { retries: 1, backoff: { base: ms(30_000) } };
      world.submit("r1", { metadata: { ...maxRuntime(20), retries } });
      await world.until("backoff", async () => (await world.attempt()) === 2);
      const before = world.clock.monotonic();
      world.clock.jump(jump);
      await world.until("second attempt", async () => (await world.livePods()).length > 0);
      expect(world.clock.monotonic() - before).toBeLessThan(33_000);
      await world.pass(5000);
      const running = world.clock.monotonic();
      world.clock.jump(jump);
      await world.untilReported("a0");
      expect(world.clock.monotonic() - running).toBeLessThan(25_000);
      expect((await world.taskAction("r1")).status?.errorState?.code).toBe("MAX_RUNTIME_EXCEEDED");
    },
  );

  test("a pod whose end nobody confirms holds up a timed-out action only for so long, and no second pod starts beside it", async () => {
    await using world = await worldOf(({ turn }) => (turn === 0 ? { ...runs, lost: true } : succeeds));
    world.submit("r1", { metadata: { ...maxRuntime(10), retries: { retries: 1 } } });
    await world.pass(600_000, 5000);
    const { status } = await world.taskAction("r1");
    expect(status?.attemptHistory).toMatchObject([{ phase: "TIMED_OUT", error: { code: "MAX_RUNTIME_EXCEEDED" } }]);
    expect(status?.attemptHistory?.[0]?.error?.message).toContain("was not confirmed in time");
    expect(status?.conditions?.[0]?.message).toMatch(/^waits for the end of pod r1-a0-\w+-1-0 on node node$/);
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
    expect(world.controlPlane.events.get("a0")?.at(-1)?.clusterEvents.at(-1)?.message).toContain("waits for the end");
  });
});

describe("the delay before a retry", () => {
  test("is kept, shown in the status and told", async () => {
    await using world = await worldOf(({ attempt }) => (attempt < 3 ? userError : succeeds));
    const backoff = { base: ms(20_000), factor: 2, cap: ms(30_000) };
    world.submit("r1", { metadata: { retries: { retries: 5, backoff } } });
    await world.until("backoff", async () => (await world.attempt()) === 2);
    await world.pass(1000);
    const { status } = await world.taskAction("r1");
    expect(status?.conditions?.[0]).toMatchObject({
      type: "Progressing",
      status: "True",
      reason: "RetryableFailure",
      message: `attempt 2 of 6 starts at ${status?.notBefore?.slice(0, 19)}Z, after ValueError: attempt 1`,
    });
    const told = world.controlPlane.events.get("a0")?.at(-1);
    expect(told).toMatchObject({ attempt: 2, phase: ActionPhase.QUEUED });
    expect(told?.clusterEvents[0]?.message).toBe(status?.conditions?.[0]?.message);
    await world.untilReported("a0");
    await checkEnd(world, { a0: 2 });
    const events = world.controlPlane.events.get("a0") ?? [];
    const at = (attempt: number, phase: ActionPhase) =>
      timestampMs(events.find((event) => event.attempt === attempt && event.phase === phase)!.startTime!);
    const gap = (attempt: number) => at(attempt + 1, ActionPhase.RUNNING) - at(attempt, ActionPhase.FAILED);
    expect([gap(1), gap(2)].map((delay) => Math.floor(delay / 2000) * 2)).toEqual([20, 30]);
  });
});

test.each(["timeout", "deadline"])("a negative %s is an invalid task, and is said to be", async (field) => {
  await using world = await worldOf(() => succeeds);
  const negative = ms(-5000);
  world.submit("r1", { metadata: field === "timeout" ? { timeout: negative } : { timeouts: { deadline: negative } } });
  expect(await end(world)).toMatchObject({ codes: ["InvalidSpec"], phases: ["FAILED"] });
  expect((await world.taskAction("r1")).status?.errorState?.message).toContain(field);
});
