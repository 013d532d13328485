import { create } from "@bufbuild/protobuf";
import type { TaskAction } from "@homeplane/idl";
import { type Order, OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { namespaces, type TransportRequest } from "@homeplane/kube";
import { expect, test } from "vitest";
import { abort, start, taskActionType, world } from "./testing/world.ts";

test("the same start twice is one TaskAction, in a namespace that was made for it", async () => {
  await using it = await world();
  it.offer(start("r1"), start("r1"), start("r2"));
  await it.until("acknowledged", () => it.acknowledged.length === 3);
  expect(it.acknowledged.map(({ errorCode }) => errorCode)).toEqual(["", "", ""]);
  expect((await it.actions()).map(({ metadata }) => metadata.name)).toEqual(["r1-a0", "r2-a0"]);
  const namespace = await it.client.get(namespaces, { name: "demo-development" });
  expect(namespace.metadata.labels).toMatchObject({ "flyte.org/project": "demo", "flyte.org/domain": "development" });
});

const refusals: [string, Order["order"], string, string][] = [
  ["a template over 1 MiB", start("r1", { size: (1 << 20) + 1 }), "InvalidSpec", "task_template"],
  ["what the schema refuses", start("r".repeat(31)), "InvalidResource", "runName"],
  [
    "an order that says nothing",
    create(OrderSchema, { order: { case: "start", value: {} } }).order,
    "InvalidSpec",
    "action_id",
  ],
];
test.each(refusals)("%s is refused for good, by name, and acknowledged with that", async (_, order, code, field) => {
  await using it = await world();
  it.offer(order, start("good"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.acknowledged.find(({ sequence }) => sequence === 1n)).toMatchObject({
    errorCode: code,
    errorMessage: expect.stringContaining(field),
  });
  expect((await it.actions()).map(({ metadata }) => metadata.name)).toEqual(["good-a0"]);
});

test("an abort that comes with its start, in one message, still stops the run", async () => {
  await using it = await world();
  it.offer(start("r1"), abort("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  const [action] = await it.actions();
  expect(action?.metadata.deletionTimestamp).toBeDefined();
  expect(action?.metadata.annotations?.["homeplane.dev/abort-reason"]).toBe("enough");
});

test("an abort waits for a start that has to be tried again", async () => {
  let failures = 3;
  await using it = await world({
    fail: ({ method, path }) => method === "POST" && path.endsWith("/taskactions") && failures-- > 0,
  });
  it.offer(start("r1"), abort("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect((await it.actions())[0]?.metadata.deletionTimestamp).toBeDefined();
});

test("an abort whose action was replaced by a namesake meanwhile is tried again, not refused", async () => {
  const name = { namespace: "demo-development", name: "r1-a0" };
  let replaced = false;
  const before = async ({ method }: TransportRequest): Promise<void> => {
    if (method !== "PATCH" || replaced) return;
    replaced = true;
    const { spec, metadata } = await it.client.get(taskActionType, name);
    await it.client.patch(taskActionType, name, { metadata: { finalizers: [] } });
    await it.client.delete(taskActionType, name);
    const { labels = {}, finalizers = [] } = metadata;
    await it.client.create(taskActionType, {
      apiVersion: "flyte.org/v1",
      kind: "TaskAction",
      metadata: { ...name, labels, finalizers },
      spec,
    });
  };
  await using it = await world({ before });
  it.offer(start("r1"), abort("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.acknowledged.map(({ errorCode }) => errorCode)).toEqual(["", ""]);
  expect((await it.actions())[0]?.metadata.annotations?.["homeplane.dev/abort-reason"]).toBe("enough");
});

test("an abort deletes all descendants at once, not what has ended, and nothing of other runs", async () => {
  await using it = await world();
  it.offer(start("r1"), start("r2"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  const root = (await it.actions()).find(({ spec }) => spec.runName === "r1") as TaskAction;
  const add = (name: string, parent: string) =>
    it.client.create(taskActionType, {
      ...root,
      metadata: {
        name: `r1-${name}`,
        namespace: "demo-development",
        labels: root.metadata.labels ?? {},
        finalizers: ["flyte.org/plugin-finalizer"],
      },
      spec: { ...root.spec, actionName: name, parentActionName: parent },
    });
  for (const [name, parent] of [
    ["b", "a0"],
    ["c", "b"],
    ["d", "c"],
    ["done", "b"],
  ] as const)
    await add(name, parent);
  const ended = {
    status: {
      conditions: [
        { type: "Succeeded", status: "True", reason: "Completed", lastTransitionTime: "2030-01-01T00:00:00Z" },
      ],
    },
  };
  await it.client.patch(taskActionType, { namespace: "demo-development", name: "r1-done" }, ended, {
    subresource: "status",
  });
  it.offer(abort("r1", "b"));
  await it.until("acknowledged", () => it.acknowledged.length === 3);
  const deleted = (await it.actions())
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map(({ metadata }) => metadata.name);
  expect(deleted).toEqual(["r1-b", "r1-c", "r1-d"]);
});

test("orders that fail for now hold up no other run's", async () => {
  await using it = await world({
    fail: ({ method, body }) => method === "POST" && new TextDecoder().decode(body).includes('"runName":"bad'),
  });
  const bad = Array.from({ length: 40 }, (_, n) => start(`bad${n}`));
  const good = Array.from({ length: 40 }, (_, n) => start(`good${n}`));
  it.offer(...bad, ...good);
  await it.until("the good ones", () => it.acknowledged.length === 40);
  expect(it.acknowledged.every(({ sequence }) => sequence > 40n)).toBe(true);
  it.offer(start("later"));
  await it.until("a later one", () => it.acknowledged.length === 41);
});

test("what could not be acknowledged is offered again and changes nothing", async () => {
  let failing = 2;
  await using it = await world({ ackFails: () => failing-- > 0 });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(await it.actions()).toHaveLength(1);
  expect(it.registrations()).toBe(3);
});

test("while the control plane is away it is called again with backoff", async () => {
  let tries = 0;
  await using it = await world({ away: () => ++tries <= 5 });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.clock.delays.filter((ms) => ms < 10_000 && ms > 0).slice(0, 5)).toEqual([249, 499, 999, 1998, 3996]);
});

test("a user's labels are kept where Kubernetes takes them, and none passes for ours", async () => {
  await using it = await world();
  const labels = {
    team: "ml",
    "example.com/x": "1",
    "flyte.org/run": "forged",
    "homeplane.dev/attempt": "9",
    "app.kubernetes.io/name": "x",
    "bad key": "x",
    long: "v".repeat(64),
  };
  it.offer(start("r1", { labels }));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  const [action] = await it.actions();
  expect(action?.metadata.labels).toEqual({
    team: "ml",
    "example.com/x": "1",
    "flyte.org/run": "r1",
    "flyte.org/project": "demo",
    "flyte.org/domain": "development",
    "flyte.org/action": "a0",
    "flyte.org/action-type": "task",
    "flyte.org/is-root": "true",
  });
});
