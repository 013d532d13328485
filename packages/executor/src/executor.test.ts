import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type TaskAction, terminalPhase } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { taskActionType } from "./resource.ts";
import { answer, forbidden, isPodCreate } from "./testing/intercept.ts";
import { checkEnd, orphans } from "./testing/invariants.ts";
import type { TaskOptions } from "./testing/samples.ts";
import { type Script, World } from "./testing/world.ts";

const succeeds = { kind: "exit", code: 0, runMs: 1000 } as const;
const userError = { ...succeeds, error: { code: "ValueError", recoverable: true } } as const;

async function worldOf(script: Script): Promise<World> {
  return await new World({ script }).start();
}

const codes = ({ status }: TaskAction): (string | undefined)[] =>
  (status?.attemptHistory ?? []).map(({ error }) => error?.code);

describe("how an action ends", () => {
  test("a task that exits 0 succeeds and is reported with the pod's own times", async () => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 1000, runMs: 3000 }));
    world.submit("r1", { declaresOutputs: true });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
    const [pod] = (await world.client.list(pods)).items;
    const { startedAt, finishedAt } = pod?.status?.containerStatuses?.[0]?.state?.terminated ?? {};
    const events = world.controlPlane.events.get("a0") ?? [];
    const at = (phase: ActionPhase) => events.find((event) => event.phase === phase)?.startTime;
    expect(timestampMs(at(ActionPhase.RUNNING)!)).toBe(Date.parse(startedAt ?? ""));
    expect(timestampMs(at(ActionPhase.SUCCEEDED)!)).toBe(Date.parse(finishedAt ?? ""));
  });

  test("user failures use up retries and each attempt keeps its own error", async () => {
    await using world = await worldOf(({ attempt }) =>
      attempt < 3 ? { ...userError, error: { code: `Error${attempt}`, recoverable: true } } : succeeds,
    );
    world.submit("r1", { retries: 5 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 2 });
    const action = await world.taskAction("r1");
    expect(codes(action)).toEqual(["Error1", "Error2", undefined]);
    const ends = (world.controlPlane.events.get("a0") ?? []).filter(({ phase }) => phase >= ActionPhase.SUCCEEDED);
    expect(ends.map(({ attempt, errorInfo }) => [attempt, errorInfo?.code])).toEqual([
      [1, "Error1"],
      [2, "Error2"],
      [3, undefined],
    ]);
    expect(ends.every(({ logContext }) => logContext !== undefined)).toBe(true);
  });

  test("when the retries are used up the action fails with the last error", async () => {
    await using world = await worldOf(() => userError);
    world.submit("r1", { retries: 2 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 3 });
    expect((await world.taskAction("r1")).status?.errorState).toMatchObject({
      code: "ValueError",
      kind: "USER",
      message: "attempt 3",
    });
  });

  test("a non-recoverable error is not retried", async () => {
    await using world = await worldOf(() => ({ ...succeeds, error: { code: "Fatal", recoverable: false } }));
    world.submit("r1", { retries: 2 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 1 });
  });

  test("out of memory is a user failure by that name", async () => {
    await using world = await worldOf(() => ({ kind: "exit", code: 137, reason: "OOMKilled" }));
    world.submit("r1");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 1 });
    expect(codes(await world.taskAction("r1"))).toEqual(["OOMKilled"]);
  });

  test.each([
    ["a kill from outside", { kind: "exit", code: 137 } as const],
    [
      "an eviction, though the task exited 0 on SIGTERM",
      { kind: "exit", code: 0, outputs: false, podReason: "Evicted" } as const,
    ],
  ])("%s is relaunched as the same attempt and uses no retry", async (_, end) => {
    await using world = await worldOf(({ turn }) => (turn < 2 ? end : succeeds));
    world.submit("r1");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    const { status } = await world.taskAction("r1");
    expect(status).toMatchObject({ attempts: 1, systemFailures: 2, attemptHistory: [{ phase: "SUCCEEDED" }] });
    expect(world.kubelet.podsOf.get("a0")).toBe(3);
  });

  test("system failures have a budget of their own; past it the action fails as SYSTEM", async () => {
    await using world = await worldOf(() => ({ kind: "exit", code: 137 }));
    world.submit("r1", { retries: 5 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect((await world.taskAction("r1")).status?.errorState).toMatchObject({ code: "Interrupted", kind: "SYSTEM" });
    expect(world.kubelet.podsOf.get("a0")).toBe(4);
  });

  test("a missing output that was declared is a system failure", async () => {
    await using world = await worldOf(({ turn }) => ({ ...succeeds, outputs: turn > 0 }));
    world.submit("r1", { declaresOutputs: true });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect((await world.taskAction("r1")).status?.systemFailures).toBe(1);
  });

  test.each(["running", "starting"])(
    "a pod that someone else deletes while it is %s is made anew, at no cost of a retry",
    async (state) => {
      const first =
        state === "running"
          ? ({ kind: "run" } as const)
          : ({ kind: "stuck", reason: "ContainerCreating", message: "" } as const);
      await using world = await worldOf(({ turn }) => (turn === 0 ? first : succeeds));
      world.submit("r1");
      await world.pass(3000);
      const [pod] = await world.livePods();
      await world.client.delete(pods, { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" });
      await world.untilReported("a0");
      await checkEnd(world, { a0: 0 });
      expect(world.kubelet.podsOf.get("a0")).toBe(2);
      const events = world.controlPlane.events.get("a0") ?? [];
      expect(events.at(-1)?.logContext?.primaryPodName).not.toBe("");
    },
  );
});

describe("what does not start", () => {
  test("an image that can not be pulled fails after the grace time and never revives beside a second pod", async () => {
    await using world = await worldOf(({ attempt }) =>
      attempt === 1 ? { kind: "stuck", reason: "ImagePullBackOff", message: "not found" } : { kind: "exit", code: 0 },
    );
    world.submit("r1", { retries: 1 });
    await world.pass(150_000, 5000);
    expect((await world.taskAction("r1")).status?.attempts ?? 1).toBe(1);
    await world.untilReported("a0");
    await checkEnd(world, { a0: 1 });
    expect(codes(await world.taskAction("r1"))).toEqual(["ImagePullBackOff", undefined]);
  });

  test("the grace time counts from when the pod got its node, not from when it began to wait for one", async () => {
    let room = false;
    await using world = await worldOf(() =>
      room
        ? { kind: "stuck", reason: "ErrImagePull", message: "not found" }
        : { kind: "unscheduled", message: "no room" },
    );
    world.submit("r1");
    await world.pass(600_000, 10_000);
    room = true;
    await world.pass(120_000, 5000);
    expect(terminalPhase(await world.taskAction("r1"))).toBeUndefined();
    await world.untilReported("a0");
    await checkEnd(world, { a0: 1 });
  });

  test.each([{ message: "0/3 nodes available" }, { message: "" }, { message: "long ".repeat(500) }])(
    "a pod without a node is shown as waiting, and written once: %o",
    async ({ message }) => {
      await using world = await worldOf(() => ({ kind: "unscheduled", message }));
      world.submit("r1");
      await world.pass(10_000);
      const before = world.effects;
      await world.pass(60_000, 1000);
      expect(world.effects - before).toBeLessThan(5);
      const events = world.controlPlane.events.get("a0") ?? [];
      expect(events.at(-1)?.phase).toBe(ActionPhase.WAITING_FOR_RESOURCES);
    },
  );

  test.each([
    ["a used-up quota", 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'],
    [
      "a service account that is still being made",
      'pods "p" is forbidden: error looking up service account demo-development/default: serviceaccount "default" not found',
    ],
  ])("%s is waited for, with ever fewer tries, and uses nothing", async (_, message) => {
    await using world = await worldOf(() => succeeds);
    let refused = 0;
    let full = true;
    world.intercept = (request) => (full && isPodCreate(request) ? (refused++, forbidden(message)) : undefined);
    world.submit("r1");
    await world.pass(600_000, 5000);
    expect(world.controlPlane.events.get("a0")?.at(-1)?.phase).toBe(ActionPhase.WAITING_FOR_RESOURCES);
    expect(refused).toBeLessThan(60);
    full = false;
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect((await world.taskAction("r1")).status).toMatchObject({ attempts: 1, systemFailures: 0 });
  });

  test.each([
    [403, "AdmissionDenied"],
    [422, "InvalidResource"],
    [413, "InvalidResource"],
  ])("a pod that the server refuses with %i fails the action with the server's words", async (status, code) => {
    await using world = await worldOf(() => succeeds);
    world.intercept = (request) => (isPodCreate(request) ? answer(status, "Refused", "policy says no") : undefined);
    world.submit("r1", { retries: 3 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 1 });
    expect((await world.taskAction("r1")).status?.errorState).toMatchObject({
      code,
      kind: "USER",
      message: expect.stringContaining("policy says no"),
    });
  });

  test("a pod of that name that is not ours is never adopted", async () => {
    await using world = await worldOf(() => succeeds);
    let squatted = false;
    world.before = async (request) => {
      if (squatted || !isPodCreate(request)) return;
      squatted = true;
      const wanted = JSON.parse(new TextDecoder().decode(request.body)) as {
        metadata: { name: string; namespace: string };
      };
      const { name, namespace } = wanted.metadata;
      await world.client.create(pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace },
        spec: { containers: [{ name: "x", image: "x:1" }] },
      });
      await world.client.patch(pods, { name, namespace }, { status: { phase: "Failed" } }, { subresource: "status" });
    };
    world.submit("r1");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect(terminalPhase(await world.taskAction("r1"))).toBe("SUCCEEDED");
  });

  test.each([
    ["InvalidSpec", { template: { target: { case: undefined } } }],
    ["PluginNotFound", { type: "spark" }],
    [
      "PrimaryContainerNotFound",
      {
        template: {
          target: {
            case: "k8sPod",
            value: { podSpec: { containers: [{ name: "side", image: "x" }] }, primaryContainerName: "main" },
          },
        },
      },
    ],
  ] satisfies [string, TaskOptions][])(
    "a task that makes no pod is %s, in the status and reported",
    async (code, task) => {
      await using world = await worldOf(() => succeeds);
      world.submit("r1", task);
      await world.untilReported("a0");
      await checkEnd(world);
      expect((await world.taskAction("r1")).status?.errorState?.code).toBe(code);
      expect(world.controlPlane.events.get("a0")?.at(-1)?.errorInfo?.code).toBe(code);
    },
  );

  test("a child whose template can not be read is reported all the same, and holds up nobody", async () => {
    await using world = await worldOf(({ action }) =>
      action === "a0" ? { kind: "exit", code: 0, runMs: 20_000 } : succeeds,
    );
    world.submit("r1");
    await world.until("root", async () => (await world.livePods()).length > 0);
    await world.addChild("r1", "bad", {}, "a0", { taskTemplate: Buffer.from([0xff, 0xff]).toString("base64") });
    await world.untilReported("bad", "a0");
    await checkEnd(world, { a0: 0 });
    expect((await world.taskAction("r1", "bad")).status?.errorState?.code).toBe("InvalidSpec");
  });
});

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
