/** The oracles (names as in docs: I1, I2, ...), checked on what the API and the control plane hold. */
import { type TaskAction, terminalPhase } from "@homeplane/idl";
import { pods } from "@homeplane/kube";
import { expect } from "vitest";
import { mayRun } from "../reconcile/stop-pods.ts";
import { taskActionType } from "../resource.ts";
import { phaseName } from "./fake-control-plane.ts";
import type { World } from "./world.ts";

/** What must hold at every moment: I1, I2 (and half of I3), I12. */
export async function checkNow(world: World): Promise<void> {
  expect(world.controlPlane.wrongs).toEqual([]);
  const { items: actions } = await world.client.list(taskActionType);
  const live = new Map<string, string[]>();
  for (const { metadata } of (await world.livePods()).filter(mayRun)) {
    const owner = metadata.ownerReferences?.[0]?.uid ?? "";
    live.set(owner, [...(live.get(owner) ?? []), metadata.name]);
  }
  for (const names of live.values()) expect(names, "I1: one live pod per action").toHaveLength(1);

  const present = new Map(actions.map((action) => [keyOf(action.spec.runName, action.spec.actionName), action]));
  for (const { spec } of actions.filter(
    (action) => action.spec.parentActionName !== undefined && world.isTerminal(action),
  )) {
    world.completed.add(
      `${keyOf(spec.runName, spec.actionName)} of ${keyOf(spec.runName, spec.parentActionName ?? "")}`,
    );
  }
  for (const pair of world.completed) {
    const [child = "", parent = ""] = pair.split(" of ");
    const owner = present.get(parent);
    if (owner !== undefined && !world.isTerminal(owner))
      expect(present.has(child), `I12: ${child} stays visible`).toBe(true);
  }
}

/** What must hold when everything has ended: I3, I6, I9. `failures` = genuine user failures by action. */
export async function checkEnd(world: World, failures: Readonly<Record<string, number>> = {}): Promise<void> {
  await checkNow(world);
  const { items } = await world.client.list(taskActionType);
  for (const action of items) {
    const name = action.spec.actionName;
    const phase = terminalPhase(action);
    expect(phase, `${name} has ended`).toBeDefined();
    const reported = [...(world.controlPlane.ends.get(name) ?? [])].map(phaseName);
    expect(reported, `I3: ${name} was reported once, as what it is`).toEqual([phase]);
    if (name in failures)
      expect(userFailures(action), `I6: ${name} has used its genuine failures`).toBe(failures[name]);
  }
  expect(
    (await world.livePods()).map(({ metadata }) => metadata.name),
    "I9: no pod is left",
  ).toEqual([]);
}

export function userFailures({ status }: TaskAction): number {
  return (status?.attemptHistory ?? []).filter((record) => record.phase === "FAILED" && record.error?.kind === "USER")
    .length;
}

/** I4: pods of a TaskAction that is not there. */
export async function orphans(world: World): Promise<string[]> {
  const [{ items: actions }, { items: all }] = [await world.client.list(taskActionType), await world.client.list(pods)];
  const uids = new Set(actions.map(({ metadata }) => metadata.uid));
  return all
    .filter(({ metadata }) => !uids.has(metadata.ownerReferences?.[0]?.uid))
    .map(({ metadata }) => metadata.name);
}

function keyOf(run: string, action: string): string {
  return `${run}/${action}`;
}
