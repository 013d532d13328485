/**
 * When a trigger fires: a cron expression in a time zone, or a fixed rate. Pure: the next time follows from the one before, never from the clock.
 *
 * Daylight saving (croner): a wall-clock time that is skipped fires right after the gap, one that comes twice fires the first time; an
 * expression that repeats within the hour goes on through both.
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type FixedRate,
  FixedRateUnit,
  type Schedule as ProtoSchedule,
  type TriggerAutomationSpec,
  TriggerAutomationSpecType,
} from "@homeplane/idl/flyteidl2/task/common";
import { Cron } from "croner";
import { invalid } from "../services/identifiers.ts";

export interface Schedule {
  /** The first fire time behind `after`; both in milliseconds. `anchor`: a time on the grid of a rate that has no start time. */
  next(after: number, anchor: number): number | undefined;
}

const unitMs: Partial<Record<FixedRateUnit, number>> = {
  [FixedRateUnit.MINUTE]: 60_000,
  [FixedRateUnit.HOUR]: 3_600_000,
  [FixedRateUnit.DAY]: 86_400_000,
};
/** Ten years; beyond it lies nobody's schedule, but a number typed wrong. */
const maxIntervalMs = 3_653 * 86_400_000;
const maxExpressionLength = 255;

/** The schedule of a trigger; undefined for one that fires on demand only. Refuses what could never fire. */
export function parseAutomation(spec: TriggerAutomationSpec | undefined, field: string): Schedule | undefined {
  if (spec === undefined || spec.type === TriggerAutomationSpecType.TYPE_NONE) return undefined;
  switch (spec.automation.case) {
    case "schedule":
      return parseSchedule(spec.automation.value, `${field}.schedule`);
    case "artifact":
      throw new ConnectError(
        `${field}.artifact: triggers on artifacts are not supported; use a schedule, or none to fire on demand`,
        Code.Unimplemented,
      );
    case undefined:
      if (spec.type === TriggerAutomationSpecType.TYPE_UNSPECIFIED) return undefined;
      throw invalid(`${field}.automation`, "is required by its type");
  }
}

function parseSchedule({ expression }: ProtoSchedule, field: string): Schedule {
  switch (expression.case) {
    case "rate":
      return rateSchedule(expression.value, `${field}.rate`);
    case "cron": {
      const { expression: text, timezone } = expression.value;
      return cronSchedule(text, timezone, `${field}.cron`);
    }
    case "cronExpression": {
      const [, timezone = "", text = ""] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(expression.value) ?? [];
      return cronSchedule(text, timezone, `${field}.cron_expression`);
    }
    case undefined:
      throw invalid(`${field}.expression`, "one of cron, rate is required");
  }
}

function rateSchedule({ value, unit, startTime }: FixedRate, field: string): Schedule {
  const interval = value * (unitMs[unit] ?? 0);
  if (interval <= 0) throw invalid(field, "value must be at least 1, unit one of MINUTE, HOUR, DAY");
  if (interval > maxIntervalMs) throw invalid(`${field}.value`, "is more than ten years");
  const start = startTime === undefined ? undefined : timestampMs(startTime);
  if (start !== undefined && !Number.isSafeInteger(start)) throw invalid(`${field}.start_time`, "is out of range");
  return {
    next: (after, anchor) => {
      const phase = start ?? anchor;
      if (start !== undefined && after < start) return start;
      return phase + (Math.floor((after - phase) / interval) + 1) * interval;
    },
  };
}

function cronSchedule(text: string, timezone: string, field: string): Schedule {
  const expression = text.trim();
  const wanted =
    'must have five fields (minute hour day-of-month month day-of-week) like "0 6 * * MON-FRI", or be @daily';
  if (expression.length > maxExpressionLength) throw invalid(field, `is longer than ${maxExpressionLength} characters`);
  // croner takes a date as well, and six and seven fields.
  if (!/^@[a-z]+$/i.test(expression) && expression.split(/\s+/).length !== 5)
    throw invalid(`${field}.expression`, `"${expression}" ${wanted}`);
  const zone = timezone || "UTC";
  if (!isTimeZone(zone)) throw invalid(`${field}.timezone`, `"${zone}" is not an IANA time zone like Europe/Paris`);
  const cron = parseCron(expression, zone, field);
  return { next: (after) => cron.nextRun(new Date(after))?.getTime() };
}

function parseCron(expression: string, timezone: string, field: string): Cron {
  let cron: Cron;
  try {
    cron = new Cron(expression, { timezone, mode: "5-part", paused: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    throw invalid(`${field}.expression`, `"${expression}": ${reason}`);
  }
  if (cron.nextRun(new Date(0)) === null) throw invalid(`${field}.expression`, `"${expression}" never comes`);
  return cron;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

export interface Due {
  /** The latest times up to now, oldest first; never empty. */
  readonly times: readonly number[];
  /** Whether older ones were left out. */
  readonly skipped: boolean;
}

/** The latest `limit` fire times from `first`, which is one, up to `now`. Work grows with `limit`, not with the time in between. */
export function dueTimes(schedule: Schedule, first: number, now: number, limit: number): Due {
  for (let window = limit * 60_000; ; window *= 4) {
    const whole = now - window < first;
    const times: number[] = whole ? [first] : [];
    let at = schedule.next(whole ? first : now - window, first);
    while (at !== undefined && at <= now) {
      times.push(at);
      at = schedule.next(at, first);
    }
    if (whole || times.length >= limit) return { times: times.slice(-limit), skipped: !whole || times.length > limit };
  }
}
