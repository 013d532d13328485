import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { RelationType } from "@homeplane/idl/flyteidl2/common/run";
import { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { RecoveredActionSchema, RecoverySourceSchema } from "@homeplane/idl/homeplane/v1/recovery";
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { child, codeOf, id, namespace, readUntil, run, taskActionType, worldWithParent } from "./testing/world.ts";

const file = "s3://meta/r1/recovery.pb";
const recovering = { relation: { relatedTo: { ...run, name: "r0" }, relationType: RelationType.RECOVER } };
const answer = create(LiteralSchema, {
  value: {
    case: "scalar",
    value: { value: { case: "primitive", value: { value: { case: "boolean", value: true } } } },
  },
});
const source = (name: string) => ({ run: { ...run, name: "r0" }, name });
const manifest = toBinary(
  RecoverySourceSchema,
  create(RecoverySourceSchema, {
    actions: {
      c1: {
        source: source("c1"),
        parentActionName: "a0",
        outcome: { case: "taskOutputUri", value: "s3://meta/r0/c1/2" },
      },
      t1: {
        source: source("t1"),
        parentActionName: "a0",
        outcome: { case: "traceOutputUri", value: "s3://meta/r0/t1/outputs.pb" },
      },
      t2: {
        source: source("t2"),
        parentActionName: "c9",
        outcome: { case: "traceOutputUri", value: "s3://meta/r0/t2/outputs.pb" },
      },
      q1: { source: source("q1"), parentActionName: "a0", outcome: { case: "signal", value: answer } },
    },
  }),
);

function condition(name: string) {
  const value = { name: "approval", type: { type: { case: "simple" as const, value: SimpleType.BOOLEAN } } };
  return { action: { actionId: id(name), parentActionName: "a0", spec: { case: "condition" as const, value } } };
}

test("a child that has succeeded in the run that this one recovers is stored with what it had there; others as ever", async () => {
  await using it = await worldWithParent(recovering);
  it.files.set(file, manifest);
  for (const name of ["c1", "c2"]) await it.actions.enqueue(child(name));
  const recovered = (await it.get("r1-c1")).spec.recovered ?? "";
  expect(fromBinary(RecoveredActionSchema, Buffer.from(recovered, "base64"))).toMatchObject({
    source: { run: { name: "r0" }, name: "c1" },
    outcome: { value: "s3://meta/r0/c1/2" },
  });
  expect((await it.get("r1-c2")).spec.recovered).toBeUndefined();
});

test("an action of another kind by the same name is not taken for it", async () => {
  await using it = await worldWithParent(recovering);
  it.files.set(file, manifest);
  await it.actions.enqueue(child("q1"));
  await it.actions.enqueue(condition("c1"));
  for (const name of ["r1-q1", "r1-c1"]) expect((await it.get(name)).spec.recovered).toBeUndefined();
});

test("a parent's traces there are told before the sentinel, so that it does not do them again", async () => {
  await using it = await worldWithParent(recovering);
  it.files.set(file, manifest);
  const texts = await readUntil(it.watch(), (all) => all.includes("sentinel"));
  expect(texts).toEqual([`t1 ${ActionPhase.RECOVERED} s3://meta/r0/t1/outputs.pb`, "sentinel"]);
});

test("while the store can not be asked the child waits: done is not taken for not done", async () => {
  await using it = await worldWithParent(recovering);
  it.files.set(file, manifest);
  it.state.storeAway = true;
  expect(await codeOf(it.actions.enqueue(child("c1")))).toBe(Code.Unavailable);
  it.state.storeAway = false;
  await it.actions.enqueue(child("c1"));
  expect((await it.get("r1-c1")).spec.recovered).toBeDefined();
});

test("what is gone from the store runs again", async () => {
  await using it = await worldWithParent(recovering);
  await it.actions.enqueue(child("c1"));
  expect((await it.get("r1-c1")).spec.recovered).toBeUndefined();
});

test("a run that recovers nothing reads nothing", async () => {
  await using it = await worldWithParent();
  it.files.set(file, manifest);
  await it.actions.enqueue(child("c1"));
  expect((await it.get("r1-c1")).spec.recovered).toBeUndefined();
});

test("a parent is told a condition's answer when it has ended, in this run or in the other", async () => {
  await using it = await worldWithParent(recovering);
  it.files.set(file, manifest);
  for (const name of ["q1", "q2"]) await it.actions.enqueue(condition(name));
  const signalValue = Buffer.from(toBinary(LiteralSchema, answer)).toString("base64");
  const patch = { status: { signalValue } };
  await it.client.patch(taskActionType, { namespace, name: "r1-q2" }, patch, { subresource: "status" });
  const values = new Map<string, boolean>();
  const watching = (async () => {
    for await (const { message } of it.watch()) {
      if (message.case !== "actionUpdate") continue;
      const { actionId, value, phase } = message.value;
      if (phase === ActionPhase.QUEUED) expect(value).toBeUndefined();
      else values.set(`${actionId?.name} ${phase}`, value !== undefined);
      if (values.size === 2) return;
    }
  })();
  for (const name of ["r1-q1", "r1-q2"]) await it.end(name, "Succeeded");
  await watching;
  expect(values).toEqual(
    new Map([
      [`q1 ${ActionPhase.RECOVERED}`, true],
      [`q2 ${ActionPhase.SUCCEEDED}`, true],
    ]),
  );
});

test.each([
  ["action.condition.name", { name: "" }],
  ["action.condition.type", { name: "approval" }],
  ["action.condition.webhook", { ...condition("q").action.spec.value, webhook: { url: "http://127.0.0.1/" } }],
])("a condition is refused for its %s", async (field, value) => {
  await using it = await worldWithParent();
  const spec = { case: "condition" as const, value };
  const error: unknown = await it.actions
    .enqueue({ action: { actionId: id("q1"), parentActionName: "a0", spec } })
    .catch((reason: unknown) => reason);
  expect(String(error)).toContain(field);
});
