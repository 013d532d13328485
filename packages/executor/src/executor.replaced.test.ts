/** Another executor takes over while runs are under way: what they leave goes as it would have gone without that. */
import { pods } from "@homeplane/kube";
import { expect, test } from "vitest";
import { World } from "./testing/world.ts";

const left = async (world: World): Promise<{ pods: number; actions: number }> => ({
  pods: (await world.client.list(pods)).items.length,
  actions: (await world.taskActions()).length,
});

/** A parent and its child; `meanwhile` happens while both run. Resolves with what is left just after the end, and when its time is over. */
async function ran(meanwhile: (world: World) => Promise<void>) {
  const retentionMs = 600_000;
  await using world = await new World({
    // As a parent does, it outlives its child.
    script: ({ action }) => ({ kind: "exit", code: 0, runMs: action === "a0" ? 40_000 : 20_000 }),
    config: { retentionMs },
  }).start();
  world.submit("r1");
  await world.until("root runs", async () => (await world.livePods()).length === 1);
  await world.addChild("r1", "child");
  await world.until("child runs", async () => (await world.livePods()).length === 2);
  await meanwhile(world);
  await world.untilReported("a0", "child");
  const atEnd = await left(world);
  await world.pass(retentionMs + 60_000, 10_000);
  return { atEnd, later: await left(world) };
}

test("pods that end while no executor is there go with their run, when its time is over, and not later", async () => {
  const without = await ran(async () => undefined);
  // Both end under nobody's eyes; the next executor finds them ended.
  const replaced = await ran((world) => world.withoutExecutor(60_000));
  expect(replaced).toEqual(without);
  expect(replaced.later).toEqual({ pods: 0, actions: 0 });
});

test("a run that is aborted while no executor is there leaves nothing behind once there is one again", async () => {
  await using world = await new World({ script: () => ({ kind: "run" }) }).start();
  world.submit("r1");
  await world.until("root runs", async () => (await world.livePods()).length === 1);
  await world.addChild("r1", "child");
  await world.until("child runs", async () => (await world.livePods()).length === 2);
  world.killExecutor();
  world.abortAction("r1");
  await world.withoutExecutor(30_000);
  expect(await left(world)).toEqual({ pods: 2, actions: 2 });
  await world.untilReported("a0", "child");
  await world.pass(60_000, 2_000);
  expect(await left(world)).toEqual({ pods: 0, actions: 0 });
});
