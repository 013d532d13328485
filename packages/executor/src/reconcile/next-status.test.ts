import { create } from "@bufbuild/protobuf";
import { RetryStrategySchema } from "@homeplane/idl/flyteidl2/core/literals";
import { type TaskAction, type TaskActionStatus, terminalPhase } from "@homeplane/idl";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleTaskAction, testConfig } from "../testing/samples.ts";
import { type End, retryPolicy, statusAfter } from "./next-status.ts";
import type { Outcome } from "./outcome.ts";

const at = "2030-01-01T00:00:10.000Z";
const user: Outcome = { kind: "user", final: false, code: "E", message: "m" };
const system: Outcome = { kind: "system", code: "Interrupted", message: "gone" };

const policyOf = (retries: number) => retryPolicy(create(RetryStrategySchema, { retries }));

function after(status: TaskActionStatus, outcome: Outcome, retries = 0, more: Partial<End> = {}): TaskActionStatus {
  const attempt = status.attempts ?? 1;
  const end = {
    outcome,
    attempt,
    startedAt: at,
    endedAt: at,
    now: Date.parse(at),
    outputUri: "s3://m/r",
    podName: "p",
    entries: [],
    ...more,
  };
  return statusAfter(sampleTaskAction({ status }), end, policyOf(retries), testConfig, () => 0.5);
}

const phaseOf = (status: TaskActionStatus): string | undefined => terminalPhase({ status } as TaskAction);

test("a user failure with a retry left starts the next attempt, with system failures counted anew", () => {
  const next = after({ attempts: 1, systemFailures: 2 }, user, 1);
  expect(phaseOf(next)).toBeUndefined();
  expect(next).toMatchObject({
    attempts: 2,
    systemFailures: 0,
    notBefore: at,
    attemptHistory: [{ attempt: 1, phase: "FAILED", error: { code: "E", kind: "USER" } }],
  });
});

test.each([
  ["the last retry is used up", { attempts: 3 }, user, 2],
  ["it can not be recovered from", { attempts: 1 }, { ...user, final: true }, 2],
] satisfies [string, TaskActionStatus, Outcome, number][])(
  "a user failure ends the action when %s",
  (_, status, outcome, retries) => {
    const next = after(status, outcome, retries);
    expect(phaseOf(next)).toBe("FAILED");
    expect(next).toMatchObject({ attempts: status.attempts, errorState: { code: "E", kind: "USER" } });
  },
);

test("three system failures go on as the same attempt, each later; the one after them ends the action as SYSTEM", () => {
  let status: TaskActionStatus = {};
  const delays: number[] = [];
  for (let n = 1; n <= 3; n++) {
    status = after(status, system, 5);
    expect(phaseOf(status)).toBeUndefined();
    expect(status).toMatchObject({ attempts: 1, systemFailures: n });
    delays.push(Date.parse(status.notBefore ?? "") - Date.parse(at));
  }
  expect(delays).toEqual([500, 1000, 2000]);
  const last = after(status, system, 5);
  expect(phaseOf(last)).toBe("FAILED");
  expect(last.errorState).toEqual({ code: "Interrupted", kind: "SYSTEM", message: "gone" });
});

test("orderly stops of the node are not charged: however many, the budget for system failures is as it was", () => {
  let status: TaskActionStatus = {};
  for (let n = 1; n <= 10; n++) {
    status = after(status, { ...system, nodeStop: true });
    expect(phaseOf(status)).toBeUndefined();
    expect(status).toMatchObject({ attempts: 1, systemFailures: n, nodeStops: n, notBefore: at });
  }
  for (let n = 1; n <= 3; n++) status = { ...status, ...after(status, system) };
  expect(phaseOf(status)).toBeUndefined();
  expect(phaseOf(after(status, system))).toBe("FAILED");
});

describe("the delay before a retry", () => {
  test("grows by its factor up to its cap", () => {
    const seconds = (n: bigint) => ({ seconds: n });
    const policy = retryPolicy(
      create(RetryStrategySchema, { retries: 9, backoff: { base: seconds(2n), factor: 3, cap: seconds(30n) } }),
    );
    expect([1, 2, 3, 4, 1000].map(policy.delayMs)).toEqual([2000, 6000, 18_000, 30_000, 30_000]);
    expect(policy.maxAttempts).toBe(10);
    expect(policyOf(0).delayMs(5)).toBe(0);
  });

  test("is a time that can be waited for, whatever the template says", () => {
    const any = fc.oneof(fc.double(), fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY));
    const duration = fc.option(fc.record({ seconds: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }) }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(duration, any, duration, fc.integer({ min: 1, max: 10_000 }), (base, factor, cap, n) => {
        const backoff = { factor, ...(base ? { base } : {}), ...(cap ? { cap } : {}) };
        const delay = retryPolicy(create(RetryStrategySchema, { retries: 1, backoff })).delayMs(n);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(7 * 86_400_000);
      }),
    );
  });

  test("is not made longer by a node whose clock is ahead", () => {
    const next = after({}, system, 0, { endedAt: "2030-01-01T05:00:00.000Z" });
    expect(Date.parse(next.notBefore ?? "") - Date.parse(at)).toBe(500);
  });
});

test("however often an action is retried, and however much it says, its status stays small", () => {
  let status: TaskActionStatus = {};
  const loud: Outcome = { kind: "user", final: false, code: "E", message: "\u00e9".repeat(1 << 20) };
  for (let n = 0; n < 300; n++) status = { ...status, ...after(status, loud, 1000) };
  expect(status.attempts).toBe(301);
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(250_000);
  expect(status.attemptHistory?.at(-1)?.error?.message.length).toBeGreaterThan(8000);
  expect(status.attemptHistory?.at(-1)?.error?.message).toContain("cut");
});
