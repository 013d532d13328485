import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type TaskAction, terminalPhase } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { answer, forbidden, isPodCreate } from "./testing/intercept.ts";
import { checkEnd } from "./testing/invariants.ts";
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
