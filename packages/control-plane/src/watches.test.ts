import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { Filter_Function } from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ActionEventSchema, ActionStatusSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
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

test("a watch of runs tells those there are, then new ones and changes, in the scope that was asked for", async () => {
  await using own = await startHarness();
  const make = async () => (await own.runs.createRun({ id: inProject, task: task() })).run?.action?.id?.run?.name ?? "";
  const first = await make();
  const stop = new AbortController();
  const told: string[] = [];
  const target = { case: "projectId" as const, value: { name: project, domain } };
  try {
    for await (const { runs } of own.runs.watchRuns({ target }, { signal: stop.signal })) {
      for (const { action } of runs) told.push(`${action?.id?.run?.name === first ? 1 : 2} ${action?.status?.phase}`);
      if (told.length === 1) await make();
      const actionId = { run: { project, domain, name: first }, name: "a0" };
      const status = { phase: ActionPhase.SUCCEEDED, attempts: 1 };
      if (told.length === 2) await own.internal.updateActionStatus({ actionId, status });
      if (told.length === 3) stop.abort();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  expect(told).toEqual(["1 1", "2 1", "1 5"]);
  const elsewhere = { case: "projectId" as const, value: { name: project, domain: "production" } };
  const other = own.runs.watchRuns({ target: elsewhere }, { timeoutMs: 200 })[Symbol.asyncIterator]();
  expect((await refusal(other.next())).code).toBe(Code.DeadlineExceeded);
});

test("what the cluster says of an attempt comes once each, until the attempt has ended", async () => {
  const { actionId } = await newRun();
  const say = (message: string, phase: ActionPhase = ActionPhase.INITIALIZING) =>
    h.events.record({ events: [{ id: actionId, attempt: 1, phase, clusterEvents: [{ reason: "R", message }] }] });
  await say("pulling");
  const told: string[] = [];
  for await (const { clusterEvents } of h.runs.watchClusterEvents({ id: actionId, attempt: 1 })) {
    told.push(...clusterEvents.map(({ message }) => message));
    if (told.length === 1) await say("pulled");
    if (told.length === 2) await say("ended", ActionPhase.FAILED);
  }
  expect(told).toEqual(["pulling", "pulled", "ended"]);
});

type Deed = { readonly kind: "run" | "child" | "report" | "end" | "turn"; readonly of: number };

test("however runs, children, reports and watchers come together, each watcher ends up with what the store has", async () => {
  const deed = fc.record<Deed>({
    kind: fc.constantFrom("run" as const, "child" as const, "report" as const, "end" as const, "turn" as const),
    of: fc.nat(30),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 25 }), fc.nat(3), async (deeds, late) => {
      await using own = await startHarness();
      const made: ActionId[] = [];
      const make = async () => {
        const { run } = await own.runs.createRun({ id: inProject, task: task() });
        const name = run?.action?.id?.run?.name ?? "";
        made.push({ run: { project, domain, name }, name: "a0" });
      };
      await make();
      const first = made[0]?.run;
      if (first === undefined) throw new Error("no run");
      const stop = new AbortController();
      const options = { signal: stop.signal };
      const runs = new Map<string, number>();
      const actions = new Map<string, number>();
      const details: number[] = [];
      const follow = async <T>(delay: number, watch: () => AsyncIterable<T>, take: (message: T) => void) => {
        for (let turn = 0; turn < delay; turn++) await new Promise(setImmediate);
        try {
          for await (const message of watch()) take(message);
        } catch (error) {
          if (!stop.signal.aborted) throw error;
        }
      };
      const watchers = [
        follow(
          late,
          () => own.runs.watchRuns({ target: { case: "org", value: "" } }, options),
          (message) =>
            message.runs.forEach(({ action }) => runs.set(action?.id?.run?.name ?? "", action?.status?.phase ?? 0)),
        ),
        follow(
          late * 2,
          () => own.runs.watchActions({ runId: first }, options),
          (message) =>
            message.enrichedActions.forEach(({ action }) =>
              actions.set(action?.id?.name ?? "", action?.status?.phase ?? 0),
            ),
        ),
        follow(
          late,
          () => own.runs.watchActionDetails({ actionId: { run: first, name: "a0" } }, options),
          (message) => details.push(message.details?.status?.phase ?? 0),
        ),
      ];
      const doing: Promise<unknown>[] = [];
      for (const { kind, of } of deeds) {
        const id = made[of % made.length];
        if (kind === "turn" || id === undefined) await new Promise(setImmediate);
        else if (kind === "run") doing.push(make());
        else if (kind === "child") {
          const name = `c${made.length}`;
          made.push({ run: id.run, name });
          const spec = { case: "task" as const, value: { spec: taskSpec("child") } };
          await own.internal.recordAction({ actionId: { run: id.run, name }, parent: "a0", spec });
        } else if (kind === "report") {
          const phase = (of % 4) + 1;
          doing.push(own.events.record({ events: [{ id, attempt: 1, phase: phase as ActionPhase }] }));
        } else {
          const status = { phase: ActionPhase.SUCCEEDED, attempts: 1 };
          doing.push(own.internal.updateActionStatus({ actionId: id, status }));
        }
      }
      await Promise.all(doing);
      const truth = async () => {
        const all = (await own.runs.listRuns({ request: { limit: 1000 } })).runs;
        const inFirst = (await own.runs.listActions({ runId: first, request: { limit: 1000 } })).actions;
        return {
          runs: Object.fromEntries(all.map(({ action }) => [action?.id?.run?.name, action?.status?.phase])),
          actions: Object.fromEntries(inFirst.map(({ id, status }) => [id?.name, status?.phase])),
        };
      };
      const expected = await truth();
      await vi.waitFor(
        () => {
          expect(Object.fromEntries(runs)).toEqual(expected.runs);
          expect(Object.fromEntries(actions)).toEqual(expected.actions);
          expect(details.at(-1)).toBe(expected.actions["a0"]);
        },
        { timeout: 5_000, interval: 5 },
      );
      stop.abort();
      await Promise.all(watchers);
    }),
    { numRuns: 20 },
  );
}, 60_000);
