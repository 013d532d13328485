import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { Filter_Function } from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ActionEventSchema, ActionStatusSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { domain, type Harness, inProject, project, refusal, startHarness, task, taskSpec } from "./testing/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());

async function newRun(harness = h) {
  const { run } = await harness.runs.createRun({ id: inProject, task: task() });
  const runId = { project, domain, name: run?.action?.id?.run?.name ?? "" };
  return { runId, actionId: { run: runId, name: "a0" } };
}
type ActionId = Awaited<ReturnType<typeof newRun>>["actionId"];

const report = (id: ActionId, phase: ActionPhase, attempt = 1) =>
  h.events.record({
    events: [create(ActionEventSchema, { id, attempt, phase, updatedTime: timestampNow() })],
  });
const end = (actionId: ActionId, phase: ActionPhase = ActionPhase.SUCCEEDED) =>
  h.internal.updateActionStatus({
    actionId,
    status: create(ActionStatusSchema, { phase, attempts: 1, endTime: timestampNow() }),
  });
const child = (runId: ActionId["run"], name: string) =>
  h.internal.recordAction({
    actionId: { run: runId, name },
    parent: "a0",
    spec: { case: "task", value: { spec: taskSpec("child") } },
  });

test("the current state comes first, then each change, and the watch ends after the end", async () => {
  const { actionId } = await newRun();
  const phases: unknown[] = [];
  const next = [ActionPhase.INITIALIZING, ActionPhase.RUNNING];
  for await (const { details } of h.runs.watchActionDetails({ actionId })) {
    phases.push(details?.status?.phase);
    const phase = next.shift();
    if (phase === undefined) await end(actionId);
    else await report(actionId, phase);
  }
  expect(phases).toEqual([ActionPhase.QUEUED, ActionPhase.INITIALIZING, ActionPhase.RUNNING, ActionPhase.SUCCEEDED]);
});

test("of an ended action there is one message: its end", async () => {
  const { actionId, runId } = await newRun();
  await end(actionId, ActionPhase.FAILED);
  const seen: unknown[] = [];
  for await (const { details } of h.runs.watchActionDetails({ actionId })) seen.push(details?.status?.phase);
  for await (const { details } of h.runs.watchRunDetails({ runId })) seen.push(details?.action?.status?.phase);
  expect(seen).toEqual([ActionPhase.FAILED, ActionPhase.FAILED]);
});

test("the last change is never missed, however reports and watchers come together", async () => {
  const steps = fc.array(fc.constantFrom(1, 2, 3, 4), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 0, max: 3 }), async (phases, late) => {
      const { actionId, runId } = await newRun();
      const watch = async (delay: number) => {
        for (let turn = 0; turn < delay; turn++) await new Promise(setImmediate);
        const ranks: number[] = [];
        for await (const { details } of h.runs.watchActionDetails({ actionId }))
          ranks.push(details?.status?.phase ?? -1);
        return ranks;
      };
      const watchers = [watch(0), watch(late), watch(late * 3)];
      await Promise.all(phases.map((phase) => report(actionId, phase as ActionPhase)));
      await end(actionId);
      for (const ranks of await Promise.all(watchers)) {
        expect(ranks.at(-1)).toBe(ActionPhase.SUCCEEDED);
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      }
      expect((await h.runs.getRunDetails({ runId })).details?.action?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    }),
    { numRuns: 15 },
  );
});

test("a watch of a run's actions tells those there are, then new ones and changes, each once", async () => {
  const { actionId, runId } = await newRun();
  await child(runId, "c1");
  const stop = new AbortController();
  const told: string[] = [];
  try {
    for await (const { enrichedActions } of h.runs.watchActions({ runId }, { signal: stop.signal })) {
      for (const { action } of enrichedActions) told.push(`${action?.id?.name} ${action?.status?.phase}`);
      if (told.length === 2) await child(runId, "c2");
      if (told.length === 3) await report({ run: runId, name: "c1" }, ActionPhase.RUNNING);
      if (told.length === 4) await end(actionId);
      if (told.length === 5) stop.abort();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  expect(told).toEqual(["a0 1", "c1 1", "c2 1", "c1 4", "a0 5"]);
});

test("a filtered watch of actions tells what meets the filter and what no longer does", async () => {
  const { runId } = await newRun();
  await child(runId, "c1");
  const filter = [{ field: "phase", function: Filter_Function.EQUAL, values: [String(ActionPhase.RUNNING)] }];
  const stop = new AbortController();
  const told: string[] = [];
  try {
    for await (const { enrichedActions } of h.runs.watchActions({ runId, filter }, { signal: stop.signal })) {
      for (const { action, meetsFilter } of enrichedActions) told.push(`${action?.id?.name} ${meetsFilter}`);
      if (told.length === 2) await report({ run: runId, name: "c1" }, ActionPhase.RUNNING);
      if (told.length === 3) await end({ run: runId, name: "c1" });
      if (told.length === 4) stop.abort();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  expect(told).toEqual(["a0 false", "c1 false", "c1 true", "c1 false"]);
});

test("watching what does not exist is NOT_FOUND, not silence", async () => {
  const runId = { project, domain, name: "none" };
  for (const watch of [
    h.runs.watchActions({ runId }),
    h.runs.watchRunDetails({ runId }),
    h.runs.watchActionDetails({ actionId: { run: runId, name: "a0" } }),
  ]) {
    expect((await refusal(watch[Symbol.asyncIterator]().next() as Promise<unknown>)).code).toBe(Code.NotFound);
  }
});

test("stop() ends watches cleanly, and a log with UNAVAILABLE: its clean end would mean that it is complete", async () => {
  const stopping = await startHarness();
  const { actionId, runId } = await newRun(stopping);
  const id = { run: runId, name: "a0" };
  const logContext = { pods: [{}] };
  await stopping.events.record({ events: [{ id, attempt: 1, phase: ActionPhase.RUNNING, logContext }] });
  const watches = [
    stopping.runs.watchActionDetails({ actionId }),
    stopping.runs.watchRunDetails({ runId }),
    stopping.runs.watchActions({ runId }),
  ].map((watch) => watch[Symbol.asyncIterator]() as AsyncIterator<unknown>);
  const log = stopping.data.tailLogs({ actionId, attempt: 1 })[Symbol.asyncIterator]();
  await Promise.all([...watches, log].map((watch) => watch.next()));
  const rest = watches.map((watch) => watch.next());
  const logEnd = refusal(log.next());
  stopping.controlPlane.stop();
  for (const one of await Promise.all(rest)) expect(one.done).toBe(true);
  expect((await logEnd).code).toBe(Code.Unavailable);
  await stopping[Symbol.asyncDispose]();
});
