/** Conditions and recovered actions: actions without a pod. */
import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { phaseOf, type TaskActionSpec } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { ConditionActionSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RecoveredActionSchema } from "@homeplane/idl/homeplane/v1/recovery";
import { describe, expect, test } from "vitest";
import { taskActionType } from "./resource.ts";
import { checkEnd } from "./testing/invariants.ts";
import { World } from "./testing/world.ts";

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function conditionSpec(timeoutMs?: number): Partial<TaskActionSpec> {
  const timeout = timeoutMs === undefined ? {} : { timeout: durationFromMs(timeoutMs) };
  const condition = create(ConditionActionSchema, { name: "approval", prompt: "go on?", ...timeout });
  return { actionType: "condition", conditionSpec: base64(toBinary(ConditionActionSchema, condition)) };
}

const answer = (value: bigint) =>
  create(LiteralSchema, {
    value: {
      case: "scalar",
      value: { value: { case: "primitive", value: { value: { case: "integer", value } } } },
    },
  });

/** A parent that runs for as long as the test wants, and a condition that it waits for. */
async function paused(timeoutMs?: number): Promise<World> {
  const world = await new World({ script: () => ({ kind: "run" }) }).start();
  world.submit("r1");
  await world.pass(2_000);
  await world.addChild("r1", "c1", {}, "a0", conditionSpec(timeoutMs));
  await world.until("it is paused", async () => phaseOf(await world.taskAction("r1", "c1")) === "PAUSED");
  return world;
}

const phases = (world: World, action: string): ActionPhase[] =>
  (world.controlPlane.events.get(action) ?? []).map(({ phase }) => phase);

describe("a condition", () => {
  test("has no pod, waits as PAUSED for as long as it takes, and ends with its answer, which is told in order", async () => {
    await using world = await paused();
    await world.pass(2 * 3_600_000, 600_000);
    expect(world.kubelet.podsOf.get("c1") ?? 0).toBe(0);
    const before = await world.taskAction("r1", "c1");
    expect(before.status?.conditions).toMatchObject([{ type: "Progressing", status: "True", reason: "Paused" }]);
    world.signal("r1", "c1", answer(42n));
    await world.untilReported("c1");
    const { status } = await world.taskAction("r1", "c1");
    expect(status?.conditions).toMatchObject([
      { type: "Progressing", status: "False", reason: "Signaled" },
      { type: "Succeeded", status: "True", reason: "Signaled" },
    ]);
    expect(status).toMatchObject({
      signalValue: base64(toBinary(LiteralSchema, answer(42n))),
      signalledBy: "somebody",
      signalledAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(phases(world, "c1")).toEqual([ActionPhase.QUEUED, ActionPhase.PAUSED, ActionPhase.SUCCEEDED]);
  });

  test("takes the first answer only: the same again is done already, another one is refused, and so is one that comes too late", async () => {
    await using world = await paused(60_000);
    world.signal("r1", "c1", answer(1n));
    world.signal("r1", "c1", answer(1n));
    world.signal("r1", "c1", answer(2n));
    await world.untilReported("c1");
    world.signal("r1", "a0", answer(1n));
    world.signal("r1", "never-there", answer(1n));
    await world.addChild("r1", "c2", {}, "a0", conditionSpec(1_000));
    await world.untilReported("c2");
    world.signal("r1", "c2", answer(1n));
    await world.pass(5_000);
    const codes = [...world.controlPlane.acknowledged.values()].slice(1);
    expect(codes).toEqual(["", "", "AlreadySignaled", "NotACondition", "ConditionGone", "ConditionEnded"]);
    const { status } = await world.taskAction("r1", "c1");
    expect(status?.signalValue).toBe(base64(toBinary(LiteralSchema, answer(1n))));
    expect((await world.taskAction("r1", "c2")).status?.signalValue).toBeUndefined();
  });

  test("that nobody answers within its timeout ends as TIMED_OUT, also when the executor was down at that time", async () => {
    await using world = await paused(90_000);
    await world.pass(60_000);
    expect(phaseOf(await world.taskAction("r1", "c1"))).toBe("PAUSED");
    await world.withoutExecutor(60_000);
    await world.untilReported("c1");
    const { status } = await world.taskAction("r1", "c1");
    expect(status?.errorState).toMatchObject({ code: "ConditionTimedOut", kind: "USER" });
    expect(status?.errorState?.message).toContain('"approval"');
    expect([...(world.controlPlane.ends.get("c1") ?? [])]).toEqual([ActionPhase.TIMED_OUT]);
  });

  test("gets an answer that was given while the executor was down, though its time was up meanwhile", async () => {
    await using world = await paused(90_000);
    world.killExecutor();
    world.signal("r1", "c1", answer(7n));
    await world.withoutExecutor(120_000);
    await world.untilReported("c1");
    expect([...(world.controlPlane.ends.get("c1") ?? [])]).toEqual([ActionPhase.SUCCEEDED]);
  });

  test("is aborted with its parent", async () => {
    await using world = await paused();
    world.abortAction("r1");
    await world.untilReported("a0", "c1");
    await checkEnd(world);
    expect([...(world.controlPlane.ends.get("c1") ?? [])]).toEqual([ActionPhase.ABORTED]);
  });

  test("whose spec can not be read fails with the field's name", async () => {
    await using world = await paused();
    await world.addChild("r1", "c2", {}, "a0", { actionType: "condition", conditionSpec: base64(Buffer.from([0xff])) });
    await world.untilReported("c2");
    expect((await world.taskAction("r1", "c2")).status?.errorState).toMatchObject({
      code: "InvalidSpec",
      message: expect.stringContaining("spec.conditionSpec"),
    });
  });
});

test("an action that has succeeded in another run ends at once, without a pod, as RECOVERED with its outputs there", async () => {
  await using world = await paused();
  const recovered = create(RecoveredActionSchema, {
    outcome: { case: "taskOutputUri", value: "s3://meta/acme/demo/development/r0/c2/1" },
  });
  await world.addChild("r1", "c2", {}, "a0", { recovered: base64(toBinary(RecoveredActionSchema, recovered)) });
  await world.untilReported("c2");
  expect(world.kubelet.podsOf.get("c2") ?? 0).toBe(0);
  expect(phaseOf(await world.taskAction("r1", "c2"))).toBe("RECOVERED");
  const end = world.controlPlane.events.get("c2")?.at(-1);
  expect(end?.phase).toBe(ActionPhase.RECOVERED);
  expect(end?.outputs?.outputUri).toBe("s3://meta/acme/demo/development/r0/c2/1");
  const { items } = await world.client.list(taskActionType);
  expect(items.find(({ spec }) => spec.actionName === "c2")?.status?.conditions).toMatchObject([
    { reason: "Completed", status: "False" },
    { type: "Succeeded" },
  ]);
});
