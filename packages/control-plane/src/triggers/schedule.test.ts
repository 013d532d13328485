import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  FixedRateUnit,
  type ScheduleSchema,
  TriggerAutomationSpecSchema,
  TriggerAutomationSpecType,
} from "@homeplane/idl/flyteidl2/task/common";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dueTimes, parseAutomation, type Schedule } from "./schedule.ts";

type Expression = MessageInitShape<typeof ScheduleSchema>["expression"];

const parse = (expression: Expression) =>
  parseAutomation(
    create(TriggerAutomationSpecSchema, {
      type: TriggerAutomationSpecType.TYPE_SCHEDULE,
      automation: { case: "schedule", value: { ...(expression ? { expression } : {}) } },
    }),
    "automation_spec",
  );
const cron = (expression: string, timezone = ""): Schedule => {
  const schedule = parse({ case: "cron", value: { expression, timezone } });
  if (schedule === undefined) throw new Error("no schedule");
  return schedule;
};
const rate = (value: number, unit: FixedRateUnit = FixedRateUnit.MINUTE, start?: string): Schedule => {
  const startTime = start === undefined ? {} : { startTime: timestampFromMs(Date.parse(start)) };
  const schedule = parse({ case: "rate", value: { value, unit, ...startTime } });
  if (schedule === undefined) throw new Error("no schedule");
  return schedule;
};
function times(schedule: Schedule, from: string, count: number): string[] {
  const found: string[] = [];
  let at = Date.parse(from);
  const anchor = at;
  while (found.length < count) {
    const next = schedule.next(at, anchor);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().replace(":00.000Z", "Z"));
    at = next;
  }
  return found;
}

test("a cron expression is read in its time zone, UTC by default", () => {
  expect(times(cron("30 6 * * MON-FRI", "Asia/Tokyo"), "2026-11-20T00:00:00Z", 2)).toEqual([
    "2026-11-22T21:30Z",
    "2026-11-23T21:30Z",
  ]);
  expect(times(cron("0 0 1 * *"), "2026-01-15T00:00:00Z", 2)).toEqual(["2026-02-01T00:00Z", "2026-03-01T00:00Z"]);
  expect(times(cron("@daily"), "2026-01-15T00:00:00Z", 1)).toEqual(["2026-01-16T00:00Z"]);
});

test("a time that is skipped in spring fires right after the gap", () => {
  expect(times(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", 2)).toEqual([
    "2026-03-29T01:00Z",
    "2026-03-30T00:30Z",
  ]);
});

test("a time that comes twice in autumn fires once; what repeats within the hour goes on", () => {
  expect(times(cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 2)).toEqual([
    "2026-10-25T00:30Z",
    "2026-10-26T01:30Z",
  ]);
  expect(times(cron("*/30 * * * *", "Europe/Berlin"), "2026-10-24T23:45:00Z", 5)).toEqual([
    "2026-10-25T00:00Z",
    "2026-10-25T00:30Z",
    "2026-10-25T01:00Z",
    "2026-10-25T01:30Z",
    "2026-10-25T02:00Z",
  ]);
});

test("the older form, a string with its zone in front, is understood", () => {
  const schedule = parse({ case: "cronExpression", value: "CRON_TZ=Asia/Tokyo 0 9 * * *" });
  expect(schedule && times(schedule, "2026-01-01T12:00:00Z", 1)).toEqual(["2026-01-02T00:00Z"]);
});

test("a rate counts from its start time, also when that lies in the future or the past", () => {
  const start = "2026-01-01T00:07:00Z";
  expect(times(rate(2, FixedRateUnit.HOUR, start), "2025-12-01T00:00:00Z", 2)).toEqual([
    "2026-01-01T00:07Z",
    "2026-01-01T02:07Z",
  ]);
  expect(times(rate(1, FixedRateUnit.DAY, start), "2026-02-03T12:00:00Z", 1)).toEqual(["2026-02-04T00:07Z"]);
});

test("a rate without one fires first after its interval", () => {
  expect(times(rate(90), "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-01T01:30Z", "2026-01-01T03:00Z"]);
});

test.each([
  ["four fields", "* * * *", "five fields"],
  ["six fields", "* * * * * *", "five fields"],
  ["nothing", "", "five fields"],
  ["a date", "2026-01-01T00:00:00", "five fields"],
  ["a minute that is none", "61 * * * *", "61"],
  ["words", "every day at noon please", "every"],
  ["a day that never comes", "0 0 30 2 *", "never comes"],
  ["an event", "@reboot", "@reboot"],
  ["an endless one", `${"1,".repeat(500)}1 * * * *`, "longer than 255"],
])("%s as cron expression is INVALID_ARGUMENT that names the field", (_, expression, text) => {
  expect(() => cron(expression)).toThrow(expect.objectContaining({ code: Code.InvalidArgument }) as Error);
  expect(() => cron(expression)).toThrow(/automation_spec\.schedule\.cron/);
  expect(() => cron(expression)).toThrow(text);
});

test("a time zone that is none, and rates that are none, are INVALID_ARGUMENT", () => {
  expect(() => cron("* * * * *", "Mars/Olympus")).toThrow(/cron\.timezone.*Mars\/Olympus/);
  for (const bad of [() => rate(0), () => rate(5, FixedRateUnit.UNSPECIFIED), () => rate(4_000_000_000)])
    expect(bad).toThrow(expect.objectContaining({ code: Code.InvalidArgument }) as Error);
  expect(() => parse({ case: undefined })).toThrow(/one of cron, rate/);
});

test("a trigger on an artifact is UNIMPLEMENTED, one without automation has no schedule", () => {
  const artifact = create(TriggerAutomationSpecSchema, {
    type: TriggerAutomationSpecType.TYPE_ARTIFACT,
    automation: { case: "artifact", value: { artifactName: "a" } },
  });
  expect(() => parseAutomation(artifact, "a")).toThrow(
    expect.objectContaining({ code: Code.Unimplemented }) as ConnectError,
  );
  const none = create(TriggerAutomationSpecSchema, { type: TriggerAutomationSpecType.TYPE_NONE });
  expect(parseAutomation(none, "a")).toBeUndefined();
});

const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");
const field = (max: number) => fc.oneof(fc.constant("*"), fc.nat(max).map(String), fc.constant("*/7"));
const expressions = fc
  .tuple(field(59), field(23), fc.constantFrom("*", "1", "15"), fc.constant("*"), field(6))
  .map((fields) => fields.join(" "));
const instants = fc.integer({ min: Date.parse("2025-01-01"), max: Date.parse("2028-01-01") });

test("fire times only grow, whatever the expression, the zone and the time of the year", () => {
  fc.assert(
    fc.property(expressions, zones, instants, (expression, zone, from) => {
      const schedule = cron(expression, zone);
      let at = from;
      for (let n = 0; n < 20; n++) {
        const next = schedule.next(at, from);
        expect(next).toBeGreaterThan(at);
        at = next ?? at;
      }
    }),
    { numRuns: 300 },
  );
});

test("what is due is the latest times, the same as by counting them all", () => {
  const schedules = fc.oneof(
    fc.tuple(expressions, zones).map(([expression, zone]) => cron(expression, zone)),
    fc.integer({ min: 1, max: 3_000 }).map((minutes) => rate(minutes)),
  );
  fc.assert(
    fc.property(schedules, instants, fc.nat(20 * 86_400_000), (schedule, from, later) => {
      const first = schedule.next(from, from);
      if (first === undefined) return;
      const now = first + later;
      const all: number[] = [];
      for (let at: number | undefined = first; at !== undefined && at <= now; at = schedule.next(at, first)) {
        all.push(at);
        if (all.length > 30_000) return;
      }
      expect(dueTimes(schedule, first, now, 10)).toEqual({ times: all.slice(-10), skipped: all.length > 10 });
    }),
    { numRuns: 60 },
  );
});
