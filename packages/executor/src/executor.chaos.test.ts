/** Crashes at every side effect, and random lives. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pods } from "@homeplane/kube";
import { checkEnd } from "./testing/invariants.ts";
import type { CrashPoint } from "./testing/mortal.ts";
import type { Plan } from "./testing/fake-kubelet.ts";
import { ms, type TaskOptions } from "./testing/samples.ts";
import { type Script, World } from "./testing/world.ts";

/** A root with a user failure, a lost pod and a success; its child succeeds at once. */
const life: Script = ({ action, turn }) => {
  if (action !== "a0") return { kind: "exit", code: 0, runMs: 500 };
  if (turn === 0) return { kind: "exit", code: 0, error: { code: "E", recoverable: true } };
  if (turn === 1) return { kind: "exit", code: 137 };
  return { kind: "exit", code: 0, runMs: 4000 };
};

async function live(crash?: CrashPoint): Promise<number> {
  await using world = await new World({ script: life, ...(crash === undefined ? {} : { crash }) }).start();
  world.submit("r1", { retries: 1, declaresOutputs: true });
  await world.until("root", async () => (await world.livePods()).length > 0);
  await world.addChild("r1", "c1");
  await world.untilReported("a0", "c1");
  await checkEnd(world, { a0: 1, c1: 0 });
  expect((await world.taskAction("r1")).status).toMatchObject({ attempts: 2, systemFailures: 1 });
  expect(world.kubelet.podsOf.get("a0"), "no pod more than the life has").toBe(3);
  expect(world.kubelet.podsOf.get("c1")).toBe(1);
  return world.effects;
}

/** Runs for too long, is tried again after a backoff, finds no node in time, is lost, and then makes it. */
const bounded: Script = ({ turn }) => {
  if (turn === 0) return { kind: "run", slowMs: 3000 };
  if (turn === 1) return { kind: "unscheduled", message: "no room" };
  if (turn === 2) return { kind: "exit", code: 137, runMs: 500 };
  return { kind: "exit", code: 0, runMs: 2000 };
};

async function boundedLife(crash?: CrashPoint): Promise<number> {
  await using world = await new World({ script: bounded, ...(crash === undefined ? {} : { crash }) }).start();
  const retries = { retries: 2, backoff: { base: ms(3000), factor: 2, cap: ms(5000) } };
  const timeouts = { queuedTimeout: ms(4000), deadline: ms(120_000) };
  world.submit("r1", { declaresOutputs: true, metadata: { retries, timeouts, timeout: ms(5000) } });
  await world.untilReported("a0");
  await checkEnd(world, { a0: 0 });
  const { status } = await world.taskAction("r1");
  expect((status?.attemptHistory ?? []).map(({ phase, error }) => error?.code ?? phase)).toEqual([
    "MAX_RUNTIME_EXCEEDED",
    "QUEUED_TIMEOUT_EXCEEDED",
    "SUCCEEDED",
  ]);
  expect(world.kubelet.podsOf.get("a0"), "no pod more than the life has").toBe(4);
  return world.effects;
}

describe("a crash at any side effect loses nothing and makes no second pod", () => {
  test.each(["before", "after"] as const)("%s it takes effect", { timeout: 60_000 }, async (when) => {
    const effects = await live();
    expect(effects).toBeGreaterThan(15);
    for (let at = 1; at <= effects; at++) {
      try {
        await live({ at, when });
      } catch (error) {
        throw new Error(`a crash ${when} side effect ${at} of ${effects}`, { cause: error });
      }
    }
  });

  test.each(["before", "after"] as const)(
    "%s it takes effect, when attempts exceed their bounds",
    { timeout: 120_000 },
    async (when) => {
      const effects = await boundedLife();
      expect(effects).toBeGreaterThan(12);
      for (let at = 1; at <= effects; at++) {
        try {
          await boundedLife({ at, when });
        } catch (error) {
          throw new Error(`a crash ${when} side effect ${at} of ${effects}`, { cause: error });
        }
      }
    },
  );

  test.each(["before", "after"] as const)(
    "%s it takes effect, while a family is aborted",
    { timeout: 60_000 },
    async (when) => {
      for (let at = 1; at <= 24; at++) {
        await using world = await new World({ script: () => ({ kind: "run" }), crash: { at, when } }).start();
        world.submit("r1");
        await world.until("root", async () => (await world.livePods()).length > 0);
        await world.addChild("r1", "c1");
        await world.pass(2000);
        world.abortAction("r1");
        await world.untilReported("a0", "c1");
        await world.pass(20_000, 5000);
        expect((await world.client.list(pods)).items, `a crash ${when} side effect ${at}`).toEqual([]);
        expect([...world.controlPlane.ends.values()].map(({ size }) => size)).toEqual([1, 1]);
      }
    },
  );
});

const end = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "exit", code: 0, runMs: 700 } as const) },
  {
    weight: 3,
    arbitrary: fc.constant({ kind: "exit", code: 0, runMs: 300, error: { code: "E", recoverable: true } } as const),
  },
  fc.constant({ kind: "exit", code: 3, outputs: false } as const),
  fc.constant({ kind: "exit", code: 137, outputs: false } as const),
  fc.constant({ kind: "exit", code: 143, outputs: false, podReason: "Evicted" } as const),
  fc.constant({ kind: "exit", code: 137, reason: "OOMKilled", outputs: false } as const),
);

/** Whatever would go on for ever: only for a task whose time is bounded. */
const endless = fc.constantFrom(
  { kind: "run" } as const,
  { kind: "run", slowMs: 12_000 } as const,
  { kind: "unscheduled", message: "no room" } as const,
);
const seconds = (min: number, max: number) => fc.integer({ min, max }).map((count) => ms(count * 1000));
const bounds = fc.record({
  timeout: fc.option(seconds(1, 20), { nil: undefined }),
  queuedTimeout: fc.option(seconds(1, 20), { nil: undefined }),
  deadline: seconds(5, 90),
  backoff: fc.option(fc.record({ base: seconds(0, 10), factor: fc.integer({ min: 1, max: 3 }), cap: seconds(1, 20) }), {
    nil: undefined,
  }),
});

const incident = fc.oneof(
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({
    kind: fc.constantFrom(
      "kill" as const,
      "away" as const,
      "back" as const,
      "deletePod" as const,
      "storeAway" as const,
      "storeBack" as const,
    ),
  }),
  fc.record({ kind: fc.constant("down" as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ kind: fc.constant("jump" as const), ms: fc.integer({ min: -60_000, max: 5000 }) }),
  fc.record({ kind: fc.constant("child" as const) }),
  fc.record({ kind: fc.constant("abort" as const), target: fc.constantFrom("a0", "c1") }),
);

type Incident = typeof incident extends fc.Arbitrary<infer T> ? T : never;

const isUserFailure = (code: string | undefined): boolean =>
  code === "E" || code === "ExitCode3" || code === "OOMKilled";

interface Life {
  readonly seed: number;
  readonly ends: readonly Plan[];
  readonly task: TaskOptions;
  readonly incidents: readonly Incident[];
}

async function liveThrough({ seed, ends, task, incidents }: Life): Promise<void> {
  const script: Script = ({ turn }) => ends[turn] ?? { kind: "exit", code: 0 };
  await using world = await new World({ script, seed }).start();
  world.submit("r1", task);
  await world.pass(300);
  let hasChild = false;
  for (const one of incidents) {
    if (one.kind === "pass") await world.pass(one.ms);
    else if (one.kind === "jump") world.clock.jump(one.ms);
    else if (one.kind === "down") await world.withoutExecutor(one.ms);
    else if (one.kind === "kill") world.killExecutor();
    else if (one.kind === "away" || one.kind === "back") world.controlPlane.away = one.kind === "away";
    else if (one.kind === "storeAway" || one.kind === "storeBack") world.files.away = one.kind === "storeAway";
    else if (one.kind === "abort") world.abortAction("r1", one.target);
    else if (one.kind === "child") {
      // The gateway gives an ended parent no more children; here one may come late, but never the same one again.
      const hasParent = (await world.taskActions()).some(({ spec }) => spec.actionName === "a0");
      if (!hasChild && hasParent) await world.addChild("r1", "c1", task);
      hasChild ||= hasParent;
    } else {
      const [pod] = await world.livePods();
      if (pod !== undefined)
        await world.client.delete(pods, { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name });
    }
  }
  world.controlPlane.away = false;
  world.files.away = false;
  await world.untilSettled();
  await checkEnd(world);
  for (const action of await world.taskActions()) {
    const records = action.status?.attemptHistory ?? [];
    const failures = records.filter(({ phase }) => phase === "FAILED");
    for (const { error } of failures.filter((record) => record.error?.kind === "USER"))
      expect(isUserFailure(error?.code), `I6: ${error?.code}`).toBe(true);
    for (const { error } of records.filter(({ phase }) => phase === "TIMED_OUT"))
      expect(error?.code).toMatch(/^(MAX_RUNTIME|QUEUED_TIMEOUT|DEADLINE)_EXCEEDED$/);
    const deadlines = records.map(({ error }) => error?.code === "DEADLINE_EXCEEDED");
    expect(deadlines.slice(0, -1), "a deadline is the end").not.toContain(true);
    expect(records.map(({ attempt }) => attempt)).toEqual(records.map((_, index) => index + 1));
    expect(records.length).toBeLessThanOrEqual((task.retries ?? 0) + 1);
  }
}

const incidents = fc.array(incident, { maxLength: 12 });

test("whatever happens, every action ends once, with one live pod at a time and only genuine failures counted", {
  timeout: 60_000,
}, async () => {
  const lives = fc.record({
    seed: fc.nat(),
    ends: fc.array(end, { minLength: 1, maxLength: 6 }),
    task: fc.record({ retries: fc.integer({ min: 0, max: 3 }) }),
    incidents,
  });
  await fc.assert(fc.asyncProperty(lives, liveThrough), { numRuns: 30 });
});

test("so it is with bounds on a task's time and a backoff, though pods never end by themselves and the clock is set", {
  timeout: 120_000,
}, async () => {
  const task = fc.record({ retries: fc.integer({ min: 0, max: 3 }), bounds }).map(({ retries, bounds: given }) => {
    const { timeout, queuedTimeout, deadline, backoff } = given;
    const timeouts = { deadline, ...(queuedTimeout ? { queuedTimeout } : {}) };
    const strategy = { retries, ...(backoff ? { backoff } : {}) };
    return { retries, metadata: { retries: strategy, timeouts, ...(timeout ? { timeout } : {}) } };
  });
  const ends = fc.array(fc.oneof(end, endless), { minLength: 1, maxLength: 6 });
  const lives = fc.record({ seed: fc.nat(), ends, task, incidents });
  await fc.assert(fc.asyncProperty(lives, liveThrough), { numRuns: 40 });
});

test("a pod that was lost while the store was away: the phase that was told for it never goes back", async () => {
  const incidents: readonly Incident[] = [
    { kind: "storeAway" },
    { kind: "child" },
    { kind: "down", ms: 3501 },
    { kind: "down", ms: 4590 },
    { kind: "away" },
    { kind: "pass", ms: 1909 },
  ];
  await liveThrough({ seed: 0, ends: [{ kind: "exit", code: 137 }], task: { retries: 0 }, incidents });
});
