/**
 * Fires schedules. The store holds, for each active one, the oldest fire time that has not been dealt with; making the run and moving on to the next
 * time is one transaction, so that no crash loses a fire time or makes two runs of it. The clock only says what is due: set back, it fires nothing
 * again.
 *
 * Fire times that passed while nothing ran (or the machine slept) are made up, the latest `catchUpLimit` of each trigger, with their own times.
 */
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Backoff, backoffMs, messageOf, type Service, sleep } from "@homeplane/runtime-kit";
import { RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { CreateRunRequestSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { createRun } from "../actions/create-run.ts";
import { runNameOf } from "../actions/run-name.ts";
import type { Context } from "../context.ts";
import type { Firing, TriggerRow } from "../store/trigger-port.ts";
import { dueTimes, parseAutomation, type Schedule } from "./schedule.ts";
import { triggerIdentifier, triggerPath } from "./trigger-id.ts";

export const triggerChanges = "triggers";

/** Of one trigger, after a time in which nothing fired. */
export const catchUpLimit = 10;
/** How many triggers fire at once. */
const batch = 16;
/** The clock may be set, or the machine sleep: it is looked at again at least this often. */
const maxSleepMs = 30_000;
const retry: Backoff = { baseMs: 1_000, maxMs: 60_000, jitter: "none" };
/** What will not be different the next time: the fire time is given up, visibly in the log. */
const permanent: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.FailedPrecondition,
  Code.PermissionDenied,
  Code.AlreadyExists,
  Code.Unimplemented,
  Code.DataLoss,
]);

interface Failure {
  readonly tries: number;
  readonly notBefore: number;
}

export function triggerScheduler(ctx: Context): Service {
  const failures = new Map<string, Failure>();

  /** Fires what is due; true when there may be more. */
  async function fireDue(now: number): Promise<boolean> {
    const due = await ctx.store.triggers.due(now, batch + failures.size);
    const ready = due.filter((row) => (failures.get(triggerPath(row))?.notBefore ?? 0) <= now).slice(0, batch);
    // One that was paused or deleted while it waited for another try is not due any more.
    const paths = new Set(due.map(triggerPath));
    for (const [path, { notBefore }] of failures) if (notBefore <= now && !paths.has(path)) failures.delete(path);
    await Promise.all(ready.map((row) => fireOne(row, now)));
    return ready.length > 0;
  }

  async function fireOne(row: TriggerRow, now: number): Promise<void> {
    const path = triggerPath(row);
    try {
      await fire(row, now);
      failures.delete(path);
    } catch (error) {
      const tries = (failures.get(path)?.tries ?? 0) + 1;
      const waitMs = backoffMs(retry, tries - 1, () => 1);
      failures.set(path, { tries, notBefore: now + waitMs });
      ctx.log.warn({ event: "trigger.fire_failed", trigger: path, tries, retryInMs: waitMs, err: error });
    }
  }

  async function fire(row: TriggerRow, now: number): Promise<void> {
    const { nextFireAt: first, revision } = row;
    const schedule = parseAutomation(row.automation, "automation_spec");
    if (first === undefined || schedule === undefined) throw new Error("a trigger without schedule is due");
    const { times, skipped } = dueTimes(schedule, first, now, catchUpLimit);
    const [at = first] = times;
    const trigger = triggerPath(row);
    if (skipped) {
      const from = new Date(first).toISOString();
      ctx.log.warn({ event: "trigger.skipped", trigger, from, until: new Date(at).toISOString() });
    }
    const firing = firingOf(row, schedule, at);
    try {
      const made = await createRun(ctx, requestOf(ctx, row, at), `trigger:${trigger}@${revision}/${at}`, firing);
      ctx.log.info({ event: "trigger.fired", trigger, revision, at: new Date(at).toISOString(), run: made.run });
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      // Changed, paused or deleted just now: the next look finds what it is.
      if (error.code === Code.Aborted) return;
      if (!permanent.has(error.code)) throw error;
      ctx.log.error({ event: "trigger.fire_given_up", trigger, at: new Date(at).toISOString(), err: error });
      await ctx.store.triggers.advance(firing);
    }
  }

  return {
    name: "trigger-scheduler",
    async run(signal) {
      const changes = ctx.changes.subscribe(triggerChanges, signal);
      let changed = changes.next();
      while (!signal.aborted) {
        const now = ctx.clock.now();
        let more = false;
        try {
          more = await fireDue(now);
        } catch (error) {
          // The store is out of reach or full: what is due stays due.
          ctx.log.error({ event: "trigger.scheduler_failed", message: messageOf(error), err: error });
        }
        if (more) continue;
        const stop = new AbortController();
        const timer = sleep(ctx.clock, await untilNext(now), AbortSignal.any([signal, stop.signal])).catch(
          () => undefined,
        );
        const woken = await Promise.race([changed.then(() => true), timer.then(() => false)]);
        stop.abort();
        if (woken) changed = changes.next();
      }
      await changes.return(undefined);
    },
  };

  /** From what was not due at `looked`: those that are and wait for another try must not hide the others. */
  async function untilNext(looked: number): Promise<number> {
    const times = [...failures.values()].map(({ notBefore }) => notBefore);
    try {
      times.push((await ctx.store.triggers.nextFireAt(looked)) ?? Number.POSITIVE_INFINITY);
    } catch {
      times.push(looked + retry.baseMs);
    }
    return Math.min(Math.max(Math.min(...times) - ctx.clock.now(), 0), maxSleepMs);
  }
}

function firingOf(row: TriggerRow, schedule: Schedule, at: number): Firing {
  const { nextFireAt: expected, revision } = row;
  const next = schedule.next(at, at);
  return {
    key: row,
    revision,
    triggeredAt: at,
    ...(expected === undefined ? {} : { expected }),
    ...(next === undefined ? {} : { next }),
  };
}

function requestOf(ctx: Context, row: TriggerRow, at: number) {
  const { project, domain, revision } = row;
  const seed = createHash("sha256")
    .update(`${triggerPath(row)}@${revision}/${at}`)
    .digest();
  const { name } = triggerIdentifier(ctx.config.org, row);
  return create(CreateRunRequestSchema, {
    id: { case: "runId", value: { project, domain, name: runNameOf(seed) } },
    ...(name === undefined ? {} : { task: { case: "triggerName", value: name } }),
    source: RunSource.SCHEDULE_TRIGGER,
    runStartTime: timestampFromMs(at),
  });
}
