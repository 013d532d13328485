import { create, equals, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { isTerminal } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  type ActionDetails,
  ActionDetailsSchema,
  type ActionEvent,
  ActionEventSchema,
  type ActionStatus,
  ActionStatusSchema,
  ClusterEventSchema,
  ErrorInfoSchema,
  RunSource,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyEvent, applyStatus } from "./apply-event.ts";
import { newActionDetails } from "./new-action.ts";

const fresh = (): ActionDetails =>
  newActionDetails({
    org: "o",
    key: { project: "p", domain: "d", run: "r", action: "a0" },
    parent: "",
    group: "",
    createdAt: 1000,
    source: RunSource.UNSPECIFIED,
    kind: { case: "task", spec: create(TaskSpecSchema) },
  });
const at = timestampFromMs;
const event = (attempt: number, phase: ActionPhase, more: MessageInitShape<typeof ActionEventSchema> = {}) =>
  create(ActionEventSchema, { attempt, phase, updatedTime: at(2000 + phase), ...more });
const status = (phase: ActionPhase, attempts: number) =>
  create(ActionStatusSchema, { phase, attempts, ...(isTerminal(phase) ? { endTime: at(5000) } : {}) });

type Report = { kind: "event"; value: ActionEvent } | { kind: "status"; value: ActionStatus };
const apply = (details: ActionDetails, report: Report): ActionDetails =>
  (report.kind === "event" ? applyEvent(details, report.value) : applyStatus(details, report.value, "why")) ?? details;

// Ends are rarer than in a plain draw: after one, nothing happens any more.
const { QUEUED, INITIALIZING, RUNNING, PAUSED } = ActionPhase;
const phase = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(QUEUED, INITIALIZING, RUNNING, PAUSED) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Object.values(ActionPhase).filter((value) => value !== ActionPhase.UNSPECIFIED)),
  },
);
const attempt = fc.integer({ min: 1, max: 3 });
const report: fc.Arbitrary<Report> = fc.oneof(
  fc.record({ attempt, phase, reason: fc.constantFrom("x", "y") }).map(({ attempt: n, phase: p, reason }) => ({
    kind: "event" as const,
    value: event(n, p, {
      clusterEvents: [create(ClusterEventSchema, { reason, message: "m" })],
    }),
  })),
  fc.record({ attempt, phase }).map(({ attempt: n, phase: p }) => ({ kind: "status" as const, value: status(p, n) })),
);
/** PAUSED comes before the end, whatever its number. */
const rank = (value: ActionPhase): number => (isTerminal(value) ? 100 : value === ActionPhase.PAUSED ? 50 : value);

test("in any order and repetition: (attempt, phase) never goes back, and terminal is terminal", () => {
  fc.assert(
    fc.property(fc.array(report, { maxLength: 30 }), (reports) => {
      let details = fresh();
      for (const one of reports) {
        const next = apply(details, one);
        const before = details.status;
        const after = next.status;
        if (before === undefined || after === undefined) throw new Error("no status");
        expect(after.attempts).toBeGreaterThanOrEqual(before.attempts);
        if (after.attempts === before.attempts) expect(rank(after.phase)).toBeGreaterThanOrEqual(rank(before.phase));
        if (isTerminal(before.phase)) {
          expect([after.phase, after.attempts, next.result]).toEqual([before.phase, before.attempts, details.result]);
        }
        for (const known of details.attempts) {
          const now = next.attempts.find((candidate) => candidate.attempt === known.attempt);
          expect(rank(now?.phase ?? 0)).toBeGreaterThanOrEqual(rank(known.phase));
          if (isTerminal(known.phase)) expect(now).toEqual(known);
        }
        details = next;
      }
    }),
  );
});

test("a report that comes again right away changes nothing, and says so", () => {
  fc.assert(
    fc.property(fc.array(report, { maxLength: 12 }), report, (before, last) => {
      const once = apply(before.reduce(apply, fresh()), last);
      const again = last.kind === "event" ? applyEvent(once, last.value) : applyStatus(once, last.value, "why");
      expect(again).toBeUndefined();
    }),
  );
});

test("the whole history sent again changes nothing", () => {
  fc.assert(
    fc.property(fc.array(report, { maxLength: 12 }), (reports) => {
      // Attempts in turn, as a reporter sends them; what is older than the end of its attempt stays out.
      const once = reports.reduce(apply, fresh());
      const ended = apply(once, { kind: "status", value: status(ActionPhase.FAILED, 4) });
      const again = reports.filter(({ kind }) => kind === "status").reduce(apply, ended);
      expect(equals(ActionDetailsSchema, ended, again)).toBe(true);
    }),
  );
});

test("the input is never changed", () => {
  fc.assert(
    fc.property(fc.array(report, { maxLength: 6 }), report, (before, last) => {
      const details = before.reduce(apply, fresh());
      const copy = structuredClone(details);
      apply(details, last);
      expect(details).toEqual(copy);
    }),
  );
});

test("an attempt that failed does not end the action; its successor moves it on; its error is the action's at the end", () => {
  const errorInfo = create(ErrorInfoSchema, { message: "boom" });
  let details = fresh();
  details = applyEvent(details, event(1, ActionPhase.RUNNING)) ?? details;
  details = applyEvent(details, event(1, ActionPhase.FAILED, { errorInfo })) ?? details;
  expect(details.status?.phase).toBe(ActionPhase.RUNNING);
  details = applyEvent(details, event(2, ActionPhase.QUEUED)) ?? details;
  expect(details.status).toMatchObject({ phase: ActionPhase.QUEUED, attempts: 2 });
  // A late word of the first attempt does not bring it back.
  details = applyEvent(details, event(1, ActionPhase.RUNNING)) ?? details;
  expect(details.status).toMatchObject({ phase: ActionPhase.QUEUED, attempts: 2 });
  details = applyStatus(details, status(ActionPhase.FAILED, 2), "") ?? details;
  expect(details.status).toMatchObject({ phase: ActionPhase.FAILED, durationMs: 4000n });
  expect(details.result).toMatchObject({ case: "errorInfo", value: { message: "boom" } });
});

test.each([ActionPhase.SUCCEEDED, ActionPhase.RECOVERED])(
  "phase %i is success: an earlier attempt's error is not the result",
  (end) => {
    const errorInfo = create(ErrorInfoSchema, { message: "boom" });
    const failed = applyEvent(fresh(), event(1, ActionPhase.FAILED, { errorInfo })) ?? fresh();
    expect(applyStatus(failed, status(end, 2), "")?.result.case).toBeUndefined();
  },
);

test("a paused condition can still succeed", () => {
  const paused = applyEvent(fresh(), event(1, ActionPhase.PAUSED)) ?? fresh();
  expect(paused.status?.phase).toBe(ActionPhase.PAUSED);
  const ended = applyEvent(paused, event(1, ActionPhase.SUCCEEDED));
  expect(ended?.attempts[0]?.phase).toBe(ActionPhase.SUCCEEDED);
});

test("phases' times join: one ends when the next begins", () => {
  let details = fresh();
  for (const next of [ActionPhase.QUEUED, ActionPhase.RUNNING, ActionPhase.SUCCEEDED])
    details = applyEvent(details, event(1, next)) ?? details;
  expect(details.attempts[0]?.phaseTransitions).toMatchObject([
    { phase: ActionPhase.QUEUED, startTime: at(2001), endTime: at(2004) },
    { phase: ActionPhase.RUNNING, startTime: at(2004), endTime: at(2005) },
    { phase: ActionPhase.SUCCEEDED, startTime: at(2005) },
  ]);
});

test("a first event of an attempt that is late does not take back what the action's status said before", () => {
  const running = applyStatus(fresh(), status(ActionPhase.RUNNING, 1), "") ?? fresh();
  const late = applyEvent(running, event(1, ActionPhase.QUEUED)) ?? running;
  expect(late.status?.phase).toBe(ActionPhase.RUNNING);
  expect(late.attempts[0]?.phase).toBe(ActionPhase.QUEUED);
});

test("an action that is recorded long after it began is told with its own times; one that is told at once keeps the exact one", () => {
  const child = (createdAt: number, parent = "a0") =>
    newActionDetails({
      org: "o",
      key: { project: "p", domain: "d", run: "r", action: "c1" },
      parent,
      group: "",
      createdAt,
      source: RunSource.UNSPECIFIED,
      kind: { case: "task", spec: create(TaskSpecSchema) },
    });
  const begun = (details: ActionDetails) => {
    const queued = event(1, QUEUED, { startTime: at(60_000), updatedTime: at(60_000) });
    const running = event(1, RUNNING, { startTime: at(62_000), updatedTime: at(62_000) });
    const seen = [queued, running].reduce((known, next) => applyEvent(known, next) ?? known, details);
    const end = create(ActionStatusSchema, { phase: ActionPhase.SUCCEEDED, attempts: 1, endTime: at(65_000) });
    return applyStatus(seen, end, "")?.status;
  };
  expect(begun(child(600_000))).toMatchObject({ startTime: at(60_000), durationMs: 5_000n });
  expect(begun(child(60_400))).toMatchObject({ startTime: at(60_400), durationMs: 4_600n });
  // The root began when it was submitted, whatever the cluster's clock says.
  expect(begun(child(63_000, ""))).toMatchObject({ startTime: at(63_000) });
});
