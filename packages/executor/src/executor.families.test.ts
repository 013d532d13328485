/** Parents, children, aborts, and what is left behind. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { taskActionType } from "./resource.ts";
import { checkEnd, orphans } from "./testing/invariants.ts";
import { type Script, World } from "./testing/world.ts";

const succeeds = { kind: "exit", code: 0, runMs: 1000 } as const;

const worldOf = (script: Script): Promise<World> => new World({ script }).start();

describe("abort and families", () => {
  const family: Script = ({ action }) => (action === "quick" ? succeeds : { kind: "run" });

  async function familyWorld(): Promise<World> {
    const world = await worldOf(family);
    world.submit("r1");
    await world.until("root runs", async () => (await world.livePods()).length === 1);
    await world.addChild("r1", "quick");
    await world.addChild("r1", "slow");
    await world.until("child runs", async () => (await world.livePods()).length >= 2);
    await world.addChild("r1", "deep", {}, "slow");
    await world.untilReported("quick");
    return world;
  }

  test("an abort leaves no pod and no live TaskAction, and all are reported ABORTED", async () => {
    await using world = await familyWorld();
    world.abortAction("r1", "a0", "too expensive");
    await world.untilReported("a0", "slow", "deep");
    for (const name of ["a0", "slow", "deep"])
      expect(world.controlPlane.ends.get(name)).toEqual(new Set([ActionPhase.ABORTED]));
    expect(world.controlPlane.abortReasons.get("a0")).toBe("too expensive");
    expect(world.controlPlane.ends.get("quick")).toEqual(new Set([ActionPhase.SUCCEEDED]));
    await world.pass(60_000, 5000);
    expect((await world.client.list(pods)).items).toEqual([]);
    expect((await world.client.list(taskActionType)).items).toEqual([]);
  });

  test("an abort of a child leaves its parent and its siblings alone", async () => {
    await using world = await familyWorld();
    world.abortAction("r1", "slow");
    await world.untilReported("slow", "deep");
    await world.pass(10_000);
    expect((await world.livePods()).length).toBe(1);
    expect(world.controlPlane.ends.has("a0")).toBe(false);
  });

  test("the end of a parent aborts its live children, also one that comes too late", async () => {
    await using world = await worldOf(({ action }) =>
      action === "a0" ? { ...succeeds, runMs: 5000 } : { kind: "run" },
    );
    world.submit("r1");
    await world.until("root runs", async () => (await world.livePods()).length === 1);
    await world.addChild("r1", "child");
    await world.untilReported("a0", "child");
    await world.addChild("r1", "late");
    await world.untilReported("late");
    expect(world.controlPlane.ends.get("late")).toEqual(new Set([ActionPhase.ABORTED]));
    await checkEnd(world, { a0: 0 });
  });

  test("an abort between two attempts starts no other one", async () => {
    await using world = await worldOf(() => ({ kind: "exit", code: 137 }));
    world.submit("r1");
    await world.pass(1000);
    await world.until("relaunch", async () => ((await world.taskAction("r1")).status?.systemFailures ?? 0) === 3);
    world.abortAction("r1");
    await world.untilReported("a0");
    expect((await world.livePods()).length).toBe(0);
    expect(world.controlPlane.ends.get("a0")?.size).toBe(1);
  });

  test("an ended run is cleaned away after its time, with all of its pods and children", async () => {
    await using world = await worldOf(({ action }) => ({ ...succeeds, runMs: action === "a0" ? 10_000 : 1000 }));
    world.submit("r1");
    await world.until("root runs", async () => (await world.livePods()).length === 1);
    await world.addChild("r1", "child");
    await world.untilReported("a0", "child");
    await world.pass(50 * 60_000, 60_000);
    expect((await world.client.list(taskActionType)).items).toHaveLength(2);
    await world.pass(20 * 60_000, 30_000);
    expect((await world.client.list(taskActionType)).items).toEqual([]);
    expect(await orphans(world)).toEqual([]);
    expect([...world.controlPlane.ends.values()].map((phases) => [...phases])).toEqual([
      [ActionPhase.SUCCEEDED],
      [ActionPhase.SUCCEEDED],
    ]);
  });
});
