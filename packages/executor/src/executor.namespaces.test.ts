/** The namespace is taken away under runs, in order or by force: nobody waits for what will never come. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { namespaces, pods } from "@homeplane/kube";
import { expect, test } from "vitest";
import { taskActionType } from "./resource.ts";
import { World } from "./testing/world.ts";

const namespace = "demo-development";

async function running(): Promise<World> {
  const world = await new World({ script: () => ({ kind: "run" }) }).start();
  world.submit("r1");
  await world.until("root runs", async () => (await world.livePods()).length === 1);
  await world.addChild("r1", "child");
  await world.until("child runs", async () => (await world.livePods()).length === 2);
  return world;
}

test("runs in a namespace that is deleted end as aborted, with that for a reason, and the namespace goes", async () => {
  await using world = await running();
  await world.client.delete(namespaces, { name: namespace });
  await world.untilReported("a0", "child");
  for (const name of ["a0", "child"]) expect(world.controlPlane.ends.get(name)).toEqual(new Set([ActionPhase.ABORTED]));
  expect(world.controlPlane.abortReasons.get("a0")).toBe(`namespace ${namespace} was deleted`);
  await world.until("the namespace is gone", async () => {
    const { items } = await world.client.list(namespaces);
    return items.every(({ metadata }) => metadata.name !== namespace);
  });
  expect((await world.client.list(pods)).items).toEqual([]);
});

test("a run that is started meanwhile waits for the new namespace, and runs there", async () => {
  await using world = await running();
  await world.client.delete(namespaces, { name: namespace });
  world.submit("r2");
  await world.untilReported("a0", "child");
  await world.until("the second run's pod", async () => {
    const live = await world.livePods();
    return live.length === 1 && live[0]?.metadata.labels?.["flyte.org/run"] === "r2";
  });
});

test("an action whose resource is removed by force is told of as aborted, and why", async () => {
  await using world = await running();
  const name = { namespace, name: "r1-child" };
  await world.client.patch(taskActionType, name, { metadata: { finalizers: [] } });
  await world.client.delete(taskActionType, name);
  await world.untilReported("child");
  expect(world.controlPlane.ends.get("child")).toEqual(new Set([ActionPhase.ABORTED]));
  expect(world.controlPlane.abortReasons.get("child")).toBe(
    "TaskAction demo-development/r1-child was removed by force before its end",
  );
  expect(world.controlPlane.ends.has("a0")).toBe(false);
});

test("actions whose resources were deleted while no executor was there end as aborted, and why; nothing is run again", async () => {
  await using world = await running();
  world.killExecutor();
  for (const name of ["r1-child", "r1-a0"]) {
    await world.client.patch(taskActionType, { namespace, name }, { metadata: { finalizers: [] } });
    await world.client.delete(taskActionType, { namespace, name });
  }
  await world.withoutExecutor(60_000);
  expect(world.controlPlane.ends.size).toBe(0);
  world.startExecutor();
  await world.untilReported("a0", "child");
  for (const name of ["a0", "child"]) expect(world.controlPlane.ends.get(name)).toEqual(new Set([ActionPhase.ABORTED]));
  const reason = "its TaskAction demo-development/r1-a0 was deleted by somebody else before its end";
  expect(world.controlPlane.abortReasons.get("a0")).toBe(reason);
  expect(world.controlPlane.events.get("a0")?.at(-1)?.errorInfo?.message).toBe(reason);
  expect(world.kubelet.podsOf.get("a0")).toBe(1);
  expect((await world.client.list(pods)).items).toEqual([]);
  expect(world.controlPlane.wrongs).toEqual([]);
});

test("what the control plane takes for going on and is there stays as it is", async () => {
  await using world = await running();
  await world.withoutExecutor(60_000);
  world.startExecutor();
  await world.pass(15 * 60_000, 5_000);
  expect(world.controlPlane.ends.size).toBe(0);
  expect((await world.livePods()).length).toBe(2);
});
