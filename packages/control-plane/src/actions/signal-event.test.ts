import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Filter_Function, FilterSchema } from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { ActionType } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type EventPayload, EventPayloadSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import type { Order } from "@homeplane/idl/homeplane/v1/orchestration";
import { expect, test } from "vitest";
import { domain, type Harness, inProject, org, project, refusal, startHarness, task } from "../testing/harness.ts";

type Value = EventPayload["value"];

async function withCondition(h: Harness, simple: SimpleType = SimpleType.INTEGER) {
  const { run } = await h.runs.createRun({ id: inProject, task: task() });
  const inRun = { project, domain, name: run?.action?.id?.run?.name ?? "" };
  const actionId = { run: inRun, name: "c1" };
  const condition = { name: "approval", prompt: "go on?", type: { type: { case: "simple" as const, value: simple } } };
  await h.internal.recordAction({ actionId, parent: "a0", spec: { case: "condition", value: condition } });
  const event = { id: { ...actionId, run: { org, ...inRun } }, attempt: 1 };
  await h.events.record({ events: [{ ...event, phase: ActionPhase.PAUSED }] });
  const payload = (value: Value): MessageInitShape<typeof EventPayloadSchema> => create(EventPayloadSchema, { value });
  return {
    actionId,
    inRun,
    signal: (value: Value, parentActionName = "a0") =>
      h.runs.signalEvent({ actionId, parentActionName, payload: payload(value) }),
    details: async () => (await h.runs.getActionDetails({ actionId })).details,
    end: (phase: ActionPhase) => h.internal.updateActionStatus({ actionId, status: { phase, attempts: 1 } }),
    signals: async (): Promise<Order[]> =>
      (await h.store.orders.pending(0n, 100)).filter(({ order }) => order.case === "signal"),
  };
}

const int = (value: bigint): Value => ({ case: "intValue", value });

test("an answer is kept with the condition and ordered once, however often it is given", async () => {
  await using h = await startHarness();
  const it = await withCondition(h);
  expect((await it.details())?.status?.phase).toBe(ActionPhase.PAUSED);
  for (let n = 0; n < 3; n++) await it.signal(int(42n));
  const [order, ...more] = await it.signals();
  expect(more).toEqual([]);
  expect(order?.order.value).toMatchObject({ actionId: { name: "c1" }, signalledBy: "local" });
  expect((await it.details())?.result).toMatchObject({
    case: "signalInfo",
    value: { output: { value: { case: "scalar" } } },
  });
  expect((await it.details())?.status?.phase, "the data plane ends it").toBe(ActionPhase.PAUSED);
  await it.end(ActionPhase.SUCCEEDED);
  await it.signal(int(42n));
  expect(await it.signals()).toHaveLength(1);
  const { outputs } = await h.data.getActionData({ actionId: it.actionId });
  expect(outputs?.literals[0]?.value?.value).toMatchObject({ case: "scalar" });
});

test("another answer, and one that comes too late, are refused with the reason", async () => {
  await using h = await startHarness();
  const answered = await withCondition(h);
  await answered.signal(int(1n));
  expect(await refusal(answered.signal(int(2n)))).toMatchObject({ code: Code.AlreadyExists });
  const late = await withCondition(h);
  await late.end(ActionPhase.TIMED_OUT);
  const error = await refusal(late.signal(int(1n)));
  expect(error.code).toBe(Code.FailedPrecondition);
  expect(error.message).toContain("TIMED_OUT");
  expect(await late.signals()).toHaveLength(1);
});

test.each<[SimpleType, Value[], Value[]]>([
  [SimpleType.BOOLEAN, [{ case: "boolValue", value: false }], [int(1n), { case: "stringValue", value: "true" }]],
  [
    SimpleType.INTEGER,
    [int(-1n)],
    [
      { case: "floatValue", value: 1 },
      { case: "boolValue", value: true },
    ],
  ],
  [SimpleType.FLOAT, [{ case: "floatValue", value: 0.5 }], [int(2n ** 53n + 1n), { case: "stringValue", value: "1" }]],
  [SimpleType.FLOAT, [int(3n)], [{ case: undefined }]],
  [
    SimpleType.STRING,
    [{ case: "stringValue", value: "" }],
    [int(1n), { case: "stringValue", value: "x".repeat(65537) }],
  ],
])("a condition of type %i takes what is of its type and nothing else", async (type, [right], wrong) => {
  await using h = await startHarness();
  const it = await withCondition(h, type);
  for (const value of wrong) {
    const error = await refusal(it.signal(value));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.message).toContain("payload");
  }
  expect(await it.signals()).toEqual([]);
  await it.signal(right!);
  expect(await it.signals()).toHaveLength(1);
});

test("what is no condition, is not there, or has another parent takes no answer", async () => {
  await using h = await startHarness();
  const it = await withCondition(h);
  const to = (name: string) => h.runs.signalEvent({ actionId: { run: it.inRun, name }, payload: { value: int(1n) } });
  expect(await refusal(to("a0"))).toMatchObject({ code: Code.InvalidArgument });
  expect(await refusal(to("nobody"))).toMatchObject({ code: Code.NotFound });
  expect((await refusal(it.signal(int(1n), "c9"))).message).toContain("parent_action_name");
});

test("when the data plane refuses an answer it can be given anew", async () => {
  await using h = await startHarness();
  const it = await withCondition(h);
  await it.signal(int(1n));
  const [order] = await it.signals();
  const result = { sequence: order?.sequence ?? 0n, errorCode: "ConditionGone", errorMessage: "there is none" };
  await h.orders.acknowledgeOrders({ cluster: "c", results: [result] });
  expect((await it.details())?.result.case).toBeUndefined();
  await it.signal(int(2n));
  expect(await it.signals()).toHaveLength(1);
});

test("an abort or a timeout that was faster than the answer is what the condition ended as", async () => {
  await using h = await startHarness();
  const it = await withCondition(h);
  await it.signal(int(1n));
  await it.end(ActionPhase.ABORTED);
  expect((await it.details())?.result.case).toBe("abortInfo");
});

test("conditions are listed by their type, as the SDK asks for them", async () => {
  await using h = await startHarness();
  const it = await withCondition(h);
  for (const value of [String(ActionType.CONDITION), "ACTION_TYPE_CONDITION"]) {
    const filters = [create(FilterSchema, { function: Filter_Function.EQUAL, field: "action_type", values: [value] })];
    const { actions } = await h.runs.listActions({ runId: it.inRun, request: { limit: 10, filters } });
    expect(actions.map(({ id }) => id?.name)).toEqual(["c1"]);
  }
});
