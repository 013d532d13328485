import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { labels, taskActionFinalizer } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ErrorDocumentSchema } from "@homeplane/idl/flyteidl2/core/execution";
import { expect, test } from "vitest";
import {
  child,
  codeOf,
  eventually,
  id,
  namespace,
  readUntil,
  run,
  taskActionType,
  trace,
  world,
  worldWithParent,
} from "./testing/world.ts";
import { Updates } from "./updates.ts";

test("a child is stored with its parent's context, never the pod's, and enqueueing it again changes nothing", async () => {
  await using it = await worldWithParent();
  await it.actions.enqueue(child("c1"));
  const stored = await it.get("r1-c1");
  await it.actions.enqueue(child("c1"));
  expect((await it.get("r1-c1")).metadata.resourceVersion).toBe(stored.metadata.resourceVersion);
  const parent = await it.get("r1-a0");
  expect(stored.spec).toMatchObject({
    ...{
      org: "acme",
      envVars: { GREETING: "hello" },
      interruptible: true,
      runSpec: parent.spec.runSpec,
      runOutputBase: "s3://meta/r1",
    },
    ...{
      actionName: "c1",
      parentActionName: "a0",
      inputUri: "s3://meta/r1/c1/inputs.pb",
      group: "g",
      cacheKey: "k",
      shortName: "double",
    },
  });
  expect(stored.metadata).toMatchObject({
    finalizers: [taskActionFinalizer],
    ownerReferences: [{ uid: parent.metadata.uid, controller: true, blockOwnerDeletion: true }],
    labels: { team: "ml", [labels.run]: "r1", [labels.action]: "c1", [labels.isRoot]: "false" },
  });
  expect(stored.metadata.labels).not.toHaveProperty(labels.terminationStatus);
});

test("a parent that has ended or is being aborted gets no more children: ABORTED", async () => {
  await using it = await worldWithParent();
  await it.actions.enqueue(child("c1"));
  await it.end("r1-c1", "Succeeded");
  await it.client.delete(taskActionType, { namespace, name: "r1-a0" });
  await expect.poll(() => codeOf(it.actions.enqueue(child("c2")))).toBe(Code.Aborted);
  await expect.poll(() => codeOf(it.actions.enqueue(child("c3", { parent: "c1" })))).toBe(Code.Aborted);
});

test("what can never be a child is refused with the field's name", async () => {
  await using it = await worldWithParent();
  const refused = async (request: Parameters<typeof it.actions.enqueue>[0], code: Code, text: string) => {
    const error = await it.actions.enqueue(request).then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
  };
  await refused(child("big", { size: (1 << 20) + 1 }), Code.InvalidArgument, "task_template");
  await refused(child("c1", { parent: "nobody" }), Code.NotFound, "nobody");
  await refused(child("../escape"), Code.InvalidArgument, "action_id.name");
  await refused(trace("../../other-run/x"), Code.InvalidArgument, "action_id.name");
  await refused({ action: { actionId: id("c1"), parentActionName: "a0" } }, Code.InvalidArgument, "action.spec");
  await refused({ action: { actionId: id("c1") } }, Code.InvalidArgument, "parent_action_name");
  expect(it.files.size).toBe(0);
});

test("a watch tells all children, then the sentinel, then changes; each with an address for its output", async () => {
  await using it = await worldWithParent();
  await it.actions.enqueue(child("c1"));
  await it.actions.enqueue(child("c2"));
  await it.end("r1-c1", "Succeeded");
  await expect.poll(async () => (await readUntil(it.watch(), (texts) => texts.includes("sentinel"))).length).toBe(3);
  const first = await readUntil(it.watch(), (texts) => texts.includes("sentinel"));
  expect(first.toSorted()).toEqual([
    `c1 ${ActionPhase.SUCCEEDED} s3://meta/r1/c1/1`,
    `c2 ${ActionPhase.QUEUED} s3://meta/r1/c2/1`,
    "sentinel",
  ]);
  const stream = readUntil(it.watch(), (texts) => texts.some((text) => text.startsWith(`c2 ${ActionPhase.FAILED}`)));
  await it.end("r1-c2", "Failed", 2);
  expect((await stream).at(-1)).toBe(`c2 ${ActionPhase.FAILED} s3://meta/r1/c2/2`);
});

test("nothing is missed of children that come and end while the snapshot is told", async () => {
  await using it = await worldWithParent();
  const names = Array.from({ length: 60 }, (_, n) => `c${n}`);
  await Promise.all(names.slice(0, 30).map((name) => it.actions.enqueue(child(name))));
  const ended = new Set<string>();
  const all = readUntil(it.watch(), (texts) => {
    for (const text of texts) if (text.includes(` ${ActionPhase.SUCCEEDED} `)) ended.add(text.split(" ")[0] ?? "");
    return ended.size === names.length;
  });
  await Promise.all(names.slice(30).map((name) => it.actions.enqueue(child(name))));
  await Promise.all(names.map((name) => it.end(`r1-${name}`, "Succeeded")));
  const texts = await all;
  expect(texts.filter((text) => text === "sentinel")).toHaveLength(1);
});

test("when the gateway stops a watch ends cleanly, never with CANCELED", async () => {
  await using it = await worldWithParent();
  await it.actions.enqueue(child("c1"));
  const stream = readUntil(it.watch(), (texts) => {
    if (texts.includes("sentinel")) it.stopGateway();
    return false;
  });
  expect((await stream).at(-1)).toBe("end");
});

test("a watch that could not begin yet ends cleanly too when the gateway stops", async () => {
  await using it = await world({ neverSynced: true });
  const stream = readUntil(it.watch(), () => false);
  const timer = setTimeout(() => it.stopGateway(), 100);
  expect(await stream).toEqual(["end"]);
  clearTimeout(timer);
});

test("a trace is stored before it is acknowledged, echoed, replayed to a later watch, and reported", async () => {
  await using it = await worldWithParent();
  const echo = readUntil(it.watch(), (texts) => texts.some((text) => text.startsWith("t1")));
  await it.actions.enqueue(trace("t1"));
  expect([...it.files.keys()]).toEqual(["s3://meta/r1/a0/traces/t1.pb"]);
  expect((await echo).at(-1)).toBe(`t1 ${ActionPhase.SUCCEEDED} s3://meta/r1/t1/outputs.pb`);
  const replay = await readUntil(it.watch(), (texts) => texts.includes("sentinel"));
  expect(replay).toEqual([`t1 ${ActionPhase.SUCCEEDED} s3://meta/r1/t1/outputs.pb`, "sentinel"]);
  await eventually("report", () => it.reported.includes("end t1"));
  expect(it.reported.slice(0, 3)).toEqual(["spec t1", "event t1", "end t1"]);
});

test("a failed trace is told with what it raised, which the pod left in a file; without the file it is told without", async () => {
  await using it = await worldWithParent();
  const failed = (name: string) => {
    const { action } = trace(name);
    return { action: { ...action, spec: { case: "trace" as const, value: { name, phase: ActionPhase.FAILED } } } };
  };
  const document = create(ErrorDocumentSchema, { error: { code: "ValueError", message: "no", origin: 1, kind: 1 } });
  it.files.set("s3://meta/r1/t1/error.pb", toBinary(ErrorDocumentSchema, document));
  for (const name of ["t1", "t2"]) await it.actions.enqueue(failed(name));
  const updates = new Map<string | undefined, string | undefined>();
  const stop = new AbortController();
  for await (const { message } of it.watch(stop.signal)) {
    if (message.case === "actionUpdate") updates.set(message.value.actionId?.name, message.value.error?.message);
    if (updates.size === 2) break;
  }
  stop.abort();
  expect(updates).toEqual(
    new Map([
      ["t1", "no"],
      ["t2", undefined],
    ]),
  );
});

test("with the control plane away traces are taken and told later; one that it fails on holds up no other", async () => {
  await using it = await worldWithParent();
  it.state.controlPlaneAway = true;
  it.state.refuse = "bad";
  for (const name of ["bad", "t1", "t2"]) await it.actions.enqueue(trace(name));
  expect(it.reported).toEqual([]);
  it.state.controlPlaneAway = false;
  await eventually("reports", () => it.reported.includes("end t1") && it.reported.includes("end t2"));
  expect(it.reported.some((text) => text.includes("bad"))).toBe(false);
});

test("an abort deletes the child with its reason; one that has ended is left alone", async () => {
  await using it = await worldWithParent();
  for (const name of ["c1", "c2"]) await it.actions.enqueue(child(name));
  await it.end("r1-c2", "Succeeded");
  await it.actions.abort({ actionId: id("c1"), reason: "not needed" });
  await it.actions.abort({ actionId: id("c2"), reason: "not needed" });
  expect((await it.get("r1-c1")).metadata).toMatchObject({
    annotations: { "homeplane.dev/abort-reason": "not needed" },
    deletionTimestamp: expect.any(String),
  });
  expect((await it.get("r1-c2")).metadata.deletionTimestamp).toBeUndefined();
  expect(await codeOf(it.actions.abort({ actionId: id("c9") }))).toBe(Code.NotFound);
});

test("other calls go on with their request id, without the pod's credentials", async () => {
  await using it = await world();
  const headers = { "x-request-id": "req-1", authorization: "Bearer pod" };
  const { details } = await it.runs.getRunDetails({ runId: run }, { headers });
  expect(details?.action?.status?.attempts).toBe(7);
  expect(it.seen).toEqual(["req-1", null]);
  const attempts: (number | undefined)[] = [];
  for await (const message of it.runs.watchActionDetails({ actionId: id("a0") }))
    attempts.push(message.details?.status?.attempts);
  expect(attempts).toEqual([1, 2]);
});

test.each([Code.NotFound, Code.Unavailable, Code.AlreadyExists])(
  "the control plane's error %i reaches the pod as it is, in calls and in streams",
  async (code) => {
    await using it = await world({ upstreamFails: new ConnectError("x".repeat(5000), code) });
    expect(await codeOf(it.runs.getRunDetails({ runId: run }))).toBe(code);
    const stream = async () => {
      for await (const _ of it.runs.watchActionDetails({ actionId: id("a0") })) continue;
    };
    expect(await codeOf(stream())).toBe(code);
  },
);

test("a reader that is slow is owed at most one update per child, the latest", async () => {
  const stop = new AbortController();
  const updates = new Updates<number>(stop.signal);
  for (let n = 0; n < 100_000; n++) updates.push(`c${n % 3}`, n);
  const got: number[] = [];
  for await (const update of updates) {
    got.push(update);
    if (got.length === 3) stop.abort();
  }
  expect(got).toEqual([99_999, 99_997, 99_998]);
});
