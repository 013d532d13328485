/** Views that lag, other executors, a control plane that is away. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { TaskAction } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { expect, test } from "vitest";
import { taskActionType } from "./resource.ts";
import { answer } from "./testing/intercept.ts";
import { checkEnd } from "./testing/invariants.ts";
import { type Script, World } from "./testing/world.ts";

const succeeds = { kind: "exit", code: 0, runMs: 1000 } as const;
const userError = { ...succeeds, error: { code: "ValueError", recoverable: true } } as const;

const worldOf = (script: Script): Promise<World> => new World({ script }).start();
const codes = ({ status }: TaskAction): (string | undefined)[] =>
  (status?.attemptHistory ?? []).map(({ error }) => error?.code);

test("with the control plane away for a day pods run on, and everything is then reported with true times", async () => {
  const script: Script = ({ action, attempt }) =>
    action === "a0" ? { ...succeeds, runMs: 60_000 } : attempt === 1 ? userError : succeeds;
  // The longest delays: fewer tries in a day than by chance.
  await using world = await new World({ script, random: () => 0.99 }).start();
  world.submit("r1");
  await world.until("root runs", async () => (await world.livePods()).length === 1);
  world.controlPlane.away = true;
  world.stopOperator();
  await world.addChild("r1", "child", { retries: 1 });
  await world.until("root ended", async () => world.isTerminal(await world.taskAction("r1")));
  const endedAt = Date.parse((await world.taskAction("r1")).status?.attemptHistory?.[0]?.endedAt ?? "");
  await world.pass(24 * 3_600_000, 3_600_000);
  expect(world.controlPlane.ends.size).toBe(0);
  world.controlPlane.away = false;
  await world.untilReported("a0", "child");
  await checkEnd(world, { child: 1 });
  const end = world.controlPlane.events.get("a0")?.at(-1);
  expect(timestampMs(end!.endTime!)).toBe(endedAt);
  expect(world.controlPlane.events.get("child")?.map(({ attempt, phase }) => attempt * 10 + phase)).toEqual([
    11, 13, 14, 16, 21, 23, 24, 25,
  ]);
});

test("a pod that has ended and is gone before anybody looks is judged by its end, not run again", async () => {
  await using world = await worldOf(() => ({ ...succeeds, runMs: 3000 }));
  world.submit("r1", { declaresOutputs: true });
  await world.pass(1000);
  // Nothing can be judged while the store is away; meanwhile somebody removes the pod.
  world.files.away = true;
  await world.pass(4000);
  const [pod] = (await world.client.list(pods)).items;
  const name = { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" };
  expect(pod?.status?.phase).toBe("Succeeded");
  await world.client.patch(pods, name, { metadata: { finalizers: [] } });
  await world.client.delete(pods, name, { gracePeriodSeconds: 0 });
  await world.pass(1000);
  world.files.away = false;
  await world.untilReported("a0");
  await checkEnd(world, { a0: 0 });
  expect(world.kubelet.podsOf.get("a0")).toBe(1);
});

test("a view that lags makes no second pod and revives nothing", async () => {
  await using world = await worldOf(() => succeeds);
  world.submit("r1");
  await world.untilReported("a0");
  // A second executor whose list is from before the end, as after a hand-over between leaders.
  const stale = await world.taskAction("r1");
  const { status: _status, ...before } = stale;
  world.killExecutor();
  world.intercept = (request) =>
    request.method === "GET" && /taskactions\?limit/.test(request.path)
      ? answer(200, "", "", {
          kind: "TaskActionList",
          metadata: { resourceVersion: stale.metadata.resourceVersion },
          items: [before],
        })
      : undefined;
  const [pod] = (await world.client.list(pods)).items;
  await world.client.patch(
    pods,
    { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" },
    { metadata: { finalizers: [] } },
  );
  await world.client.delete(pods, { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" });
  world.startExecutor();
  await world.pass(30_000);
  expect((await world.client.list(pods)).items).toEqual([]);
  expect(world.controlPlane.ends.get("a0")).toEqual(new Set([ActionPhase.SUCCEEDED]));
});

test("a decision on a view that somebody has overtaken is not written", async () => {
  await using world = await worldOf(({ attempt }) => (attempt === 1 ? userError : succeeds));
  let overtaken = false;
  world.before = async ({ method, path, body }) => {
    if (overtaken || method !== "PATCH" || !path.endsWith("/status")) return;
    if (!new TextDecoder().decode(body).includes("attemptHistory")) return;
    overtaken = true;
    const { metadata } = await world.taskAction("r1");
    const error = { code: "Other", kind: "USER", message: "by another executor" };
    const at = new Date(world.clock.now()).toISOString();
    const record = { attempt: 1, phase: "FAILED", startedAt: at, endedAt: at, error };
    const conditions = [{ type: "Progressing", status: "True", reason: "RetryableFailure", lastTransitionTime: at }];
    const name = { namespace: metadata.namespace ?? "", name: metadata.name };
    const status = { attempts: 2, systemFailures: 0, attemptHistory: [record], conditions };
    await world.client.patch(taskActionType, name, { status }, { subresource: "status" });
  };
  world.submit("r1", { retries: 1 });
  await world.untilReported("a0");
  await checkEnd(world, { a0: 1 });
  expect(codes(await world.taskAction("r1"))).toEqual(["Other", undefined]);
});

test("two executors at once, as while leadership is handed over, make no second pod and tell one story", async () => {
  await using world = await worldOf(({ turn }) =>
    turn === 0 ? userError : turn === 1 ? { kind: "exit", code: 137 } : { ...succeeds, runMs: 2000 },
  );
  world.startExecutor();
  world.submit("r1", { retries: 1 });
  await world.untilReported("a0");
  await checkEnd(world, { a0: 1 });
  expect(world.kubelet.podsOf.get("a0")).toBe(3);
});
