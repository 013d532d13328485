/** Caching of results: what is found is not run, what runs is stored, and of those that are serialised one runs. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { CatalogCacheStatus } from "@homeplane/idl/flyteidl2/core/catalog";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import type { ActionEvent } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { checkEnd } from "./testing/invariants.ts";
import type { CrashPoint } from "./testing/mortal.ts";
import { template } from "./testing/samples.ts";
import { type Script, World } from "./testing/world.ts";

const cached = { cacheKey: "k", declaresOutputs: true };
const serialized = { ...cached, cache: { serialized: true } };
const base = "s3://meta/acme/demo/development/r1";

/** A root that outlives its children, which run for a while. */
const family =
  (runMs: number, more: Script = () => ({ kind: "exit", code: 0, runMs })): Script =>
  (turn) =>
    turn.action === "a0" ? { kind: "run" } : more(turn);

async function familyOf(script: Script, options: { crash?: CrashPoint; overwrite?: boolean } = {}): Promise<World> {
  const { crash, overwrite = false } = options;
  const world = await new World({ script, ...(crash === undefined ? {} : { crash }) }).start();
  world.submit("r1", { cache: { overwrite } });
  await world.until("root runs", async () => (await world.livePods()).length > 0);
  return world;
}

function lastEvent(world: World, action: string): ActionEvent {
  const event = world.controlPlane.events.get(action)?.at(-1);
  if (event === undefined) throw new Error(`${action} was not reported`);
  return event;
}

const podsOf = (world: World, action: string): number => world.kubelet.podsOf.get(action) ?? 0;

const messageOf = async (world: World, action: string): Promise<string> =>
  (await world.taskAction("r1", action)).status?.conditions?.[0]?.message ?? "";

describe("look-up", () => {
  test("a result that is there ends the action without a pod, and says whose it is", async () => {
    await using world = await familyOf(family(1_000));
    await world.addChild("r1", "c1", cached);
    await world.untilReported("c1");
    await world.addChild("r1", "c2", cached);
    await world.untilReported("c2");
    expect([podsOf(world, "c1"), podsOf(world, "c2")]).toEqual([1, 0]);
    expect((await world.taskAction("r1", "c1")).status?.cacheStatus).toBe("CACHE_POPULATED");
    const { status } = await world.taskAction("r1", "c2");
    expect(status).toMatchObject({
      cacheStatus: "CACHE_HIT",
      attemptHistory: [{ phase: "SUCCEEDED", outputUri: `${base}/c1/1` }],
    });
    expect(lastEvent(world, "c1").cacheStatus).toBe(CatalogCacheStatus.CACHE_POPULATED);
    expect(lastEvent(world, "c2")).toMatchObject({
      cacheStatus: CatalogCacheStatus.CACHE_HIT,
      outputs: { outputUri: `${base}/c1/1` },
      cacheMetadata: { sourceActionAttempt: { actionId: { name: "c1", run: { name: "r1" } }, attempt: 1 } },
    });
  });

  test("another key is another result, and a task that is not cached asks nobody", async () => {
    await using world = await familyOf(family(1_000));
    await world.addChild("r1", "c1", cached);
    await world.untilReported("c1");
    const asked = world.controlPlane.cache.calls.length;
    await world.addChild("r1", "c2", { ...cached, cacheKey: "k2" });
    await world.addChild("r1", "c3", { declaresOutputs: true });
    await world.untilReported("c2", "c3");
    expect([podsOf(world, "c2"), podsOf(world, "c3")]).toEqual([1, 1]);
    expect(world.controlPlane.cache.calls.slice(asked)).toEqual(["get", "put"]);
    expect((await world.taskAction("r1", "c3")).status).not.toHaveProperty("cacheStatus");
  });

  test("a run that overwrites the cache looks nothing up and leaves the newer result", async () => {
    await using world = await familyOf(family(1_000), { overwrite: true });
    await world.addChild("r1", "c1", cached);
    await world.untilReported("c1");
    await world.addChild("r1", "c2", cached);
    await world.untilReported("c2");
    expect(podsOf(world, "c2")).toBe(1);
    expect(world.controlPlane.cache.calls).not.toContain("get");
    const [entry] = world.controlPlane.cache.entries.values();
    expect(entry?.output.value).toBe(`${base}/c2/1`);
  });

  test("an entry whose output was deleted is none, and is replaced", async () => {
    await using world = await familyOf(family(1_000));
    await world.addChild("r1", "c1", cached);
    await world.untilReported("c1");
    await world.files.delete("meta", "acme/demo/development/r1/c1/1/outputs.pb");
    await world.addChild("r1", "c2", cached);
    await world.untilReported("c2");
    expect(podsOf(world, "c2")).toBe(1);
    await world.addChild("r1", "c3", cached);
    await world.untilReported("c3");
    expect((await world.taskAction("r1", "c3")).status?.attemptHistory?.[0]?.outputUri).toBe(`${base}/c2/1`);
  });

  test("a result that is older than the task takes is none", async () => {
    await using world = await familyOf(family(1_000));
    const young = { ...cached, cache: { maxAgeMs: 60_000 } };
    await world.addChild("r1", "c1", young);
    await world.untilReported("c1");
    await world.addChild("r1", "c2", young);
    await world.untilReported("c2");
    await world.pass(60_000, 5_000);
    await world.addChild("r1", "c3", young);
    await world.untilReported("c3");
    expect([podsOf(world, "c2"), podsOf(world, "c3")]).toEqual([0, 1]);
  });

  test("a result that another run stored between two attempts ends the second one", async () => {
    await using world = await familyOf(
      family(1_000, ({ action, attempt }) =>
        action === "c1" && attempt === 1
          ? { kind: "exit", code: 0, runMs: 5_000, error: { code: "E", recoverable: true } }
          : { kind: "exit", code: 0, runMs: 1_000 },
      ),
    );
    await world.addChild("r1", "c1", { ...cached, retries: 1 });
    await world.addChild("r1", "c2", cached);
    await world.untilReported("c1", "c2");
    expect(podsOf(world, "c1")).toBe(1);
    expect((await world.taskAction("r1", "c1")).status).toMatchObject({
      attempts: 2,
      attemptHistory: [
        { phase: "FAILED", cacheStatus: "CACHE_MISS" },
        { phase: "SUCCEEDED", cacheStatus: "CACHE_HIT" },
      ],
    });
  });
});

describe("a control plane that does not answer", () => {
  test("is waited for, which the status says, and then the task runs without", async () => {
    await using world = await familyOf(family(1_000));
    world.controlPlane.cache.failures.set("get", Code.Unavailable);
    await world.addChild("r1", "c1", cached);
    await world.pass(10_000);
    expect(podsOf(world, "c1")).toBe(0);
    expect(await messageOf(world, "c1")).toBe("waiting for cache: the control plane does not answer");
    expect(lastEvent(world, "c1").clusterEvents[0]?.message).toContain("waiting for cache");
    world.controlPlane.cache.failures.set("put", Code.Unavailable);
    await world.pass(10_000);
    expect(podsOf(world, "c1")).toBe(1);
    await world.untilReported("c1");
    expect((await world.taskAction("r1", "c1")).status).toMatchObject({
      cacheStatus: "CACHE_PUT_FAILURE",
      attemptHistory: [{ phase: "SUCCEEDED" }],
    });
  });

  test("a failure that passes costs a wait, not the hit", async () => {
    await using world = await familyOf(family(1_000));
    await world.addChild("r1", "c1", cached);
    await world.untilReported("c1");
    world.controlPlane.cache.failures.set("get", Code.Internal);
    await world.addChild("r1", "c2", cached);
    await world.pass(5_000);
    world.controlPlane.cache.failures.clear();
    await world.untilReported("c2");
    expect((await world.taskAction("r1", "c2")).status?.cacheStatus).toBe("CACHE_HIT");
  });

  test("once it is known to be away, the next tasks wait no more; when it is back they are found again", async () => {
    await using world = await familyOf(family(1_000));
    await world.addChild("r1", "found", cached);
    await world.untilReported("found");
    for (const call of ["get", "put"] as const) world.controlPlane.cache.failures.set(call, Code.Unavailable);
    await world.addChild("r1", "first", cached);
    await world.pass(25_000);
    expect(podsOf(world, "first")).toBe(1);
    // One after another, as a parent in waves makes them: each costs its own time and no more.
    for (const name of ["second", "third", "fourth"]) {
      await world.addChild("r1", name, cached);
      await world.pass(4_000);
      const { cacheStatus, attemptHistory } = (await world.taskAction("r1", name)).status ?? {};
      expect([name, cacheStatus, attemptHistory?.[0]?.phase]).toEqual([name, "CACHE_PUT_FAILURE", "SUCCEEDED"]);
    }
    world.controlPlane.cache.failures.clear();
    await world.pass(2_000);
    await world.addChild("r1", "again", cached);
    await world.untilReported("again");
    expect((await world.taskAction("r1", "again")).status?.cacheStatus).toBe("CACHE_HIT");
    // Long after, a short absence is a short absence again.
    world.controlPlane.cache.failures.set("get", Code.Unavailable);
    await world.addChild("r1", "later", cached);
    await world.pass(5_000);
    world.controlPlane.cache.failures.clear();
    await world.untilReported("later");
    expect((await world.taskAction("r1", "later")).status?.cacheStatus).toBe("CACHE_HIT");
  });

  test("one that knows no cache is not waited for", async () => {
    await using world = await familyOf(family(1_000, () => ({ kind: "exit", code: 3, outputs: false })));
    world.controlPlane.cache.failures.set("get", Code.Unimplemented);
    await world.addChild("r1", "c1", cached);
    await world.pass(1_000);
    expect(podsOf(world, "c1")).toBe(1);
    await world.untilReported("c1");
    expect(lastEvent(world, "c1").cacheStatus).toBe(CatalogCacheStatus.CACHE_LOOKUP_FAILURE);
  });

  test("while it is away nothing keeps tasks from running that are not cached", async () => {
    await using world = await familyOf(family(1_000));
    world.controlPlane.cache.failures.set("get", Code.DeadlineExceeded);
    for (let index = 0; index < 40; index++) await world.addChild("r1", `k${index}`, cached);
    await world.addChild("r1", "plain");
    await world.pass(2_000);
    expect(podsOf(world, "plain")).toBe(1);
    const asked = world.controlPlane.cache.calls.length;
    await world.pass(5_000);
    expect(world.controlPlane.cache.calls.length - asked).toBeLessThan(80);
  });
});

describe("serialised tasks", () => {
  test("of two that come at once one runs; the other waits, says so, and takes the result", async () => {
    await using world = await familyOf(family(120_000));
    await world.addChild("r1", "c1", serialized);
    await world.addChild("r1", "c2", serialized);
    await world.pass(100_000, 2_000);
    expect(podsOf(world, "c1") + podsOf(world, "c2")).toBe(1);
    const waiting = podsOf(world, "c1") === 1 ? "c2" : "c1";
    expect(await messageOf(world, waiting)).toBe("waiting for cache: the same task runs elsewhere");
    const before = world.effects;
    await world.pass(10_000);
    expect(world.effects - before).toBeLessThan(12);
    await world.untilReported("c1", "c2");
    expect(podsOf(world, "c1") + podsOf(world, "c2")).toBe(1);
    const statuses = ["c1", "c2"].map((action) => lastEvent(world, action).cacheStatus);
    expect(new Set(statuses)).toEqual(new Set([CatalogCacheStatus.CACHE_HIT, CatalogCacheStatus.CACHE_POPULATED]));
    expect(world.controlPlane.cache.reservations.size).toBe(0);
  });

  test("the one that waits takes over at once when the other one fails or is aborted", async () => {
    await using world = await familyOf(
      family(0, ({ action }) =>
        action === "c1" ? { kind: "exit", code: 3, runMs: 5_000, outputs: false } : { kind: "run" },
      ),
    );
    await world.addChild("r1", "c1", serialized);
    await world.pass(1_000);
    await world.addChild("r1", "c2", serialized);
    await world.addChild("r1", "c3", serialized);
    await world.untilReported("c1");
    expect(podsOf(world, "c2") + podsOf(world, "c3")).toBe(1);
    const [running, next] = podsOf(world, "c2") === 1 ? ["c2", "c3"] : ["c3", "c2"];
    world.abortAction("r1", running);
    await world.untilReported(running);
    expect(podsOf(world, next)).toBe(1);
  });

  test("a holder that is gone is waited for until its reservation expires", async () => {
    await using world = await familyOf(family(1_000));
    const { cache } = world.controlPlane;
    const service = cache.service(async (effect) => effect());
    const identifier = { org: "acme", project: "demo", domain: "development" };
    const baseRequest = { key: "env.task/k", ownerId: "other", heartbeatInterval: durationFromMs(20_000) };
    await service.getOrExtendReservation({ identifier, baseRequest } as never, undefined as never);
    await world.addChild("r1", "c1", serialized);
    await world.pass(50_000, 1_000);
    expect(podsOf(world, "c1")).toBe(0);
    await world.untilReported("c1");
    expect(podsOf(world, "c1")).toBe(1);
  });

  test("an executor that comes back keeps the reservations of its pods, and those that wait go on waiting", async () => {
    await using world = await familyOf(family(300_000));
    await world.addChild("r1", "c1", serialized);
    await world.pass(1_000);
    await world.withoutExecutor(5_000);
    await world.addChild("r1", "c2", serialized);
    await world.untilReported("c1", "c2");
    expect([podsOf(world, "c1"), podsOf(world, "c2")]).toEqual([1, 0]);
  });
});

async function racing(crash?: CrashPoint): Promise<number> {
  await using world = await familyOf(family(3_000), crash === undefined ? {} : { crash });
  await world.addChild("r1", "c1", serialized);
  await world.addChild("r1", "c2", serialized);
  await world.untilReported("c1", "c2");
  expect(podsOf(world, "c1") + podsOf(world, "c2"), "the task ran once").toBe(1);
  const actions = await world.taskActions();
  const statuses = actions.filter(({ spec }) => spec.actionName !== "a0").map(({ status }) => status?.cacheStatus);
  expect(new Set(statuses)).toEqual(new Set(["CACHE_HIT", "CACHE_POPULATED"]));
  const { effects } = world;
  world.abortAction("r1");
  await world.untilReported("a0");
  await checkEnd(world, { c1: 0, c2: 0 });
  return effects;
}

describe("a crash at any side effect loses no result and runs nothing twice", () => {
  test.each(["before", "after"] as const)("%s it takes effect", { timeout: 120_000 }, async (when) => {
    const effects = await racing();
    expect(effects).toBeGreaterThan(15);
    for (let at = 1; at <= effects; at++) {
      try {
        await racing({ at, when });
      } catch (error) {
        throw new Error(`a crash ${when} side effect ${at} of ${effects}`, { cause: error });
      }
    }
  });
});

test("a task's own pod template can not say under which key its result is stored", async () => {
  await using world = await familyOf(family(1_000));
  const annotations = { "homeplane.dev/cache-key": "other.task/k", "homeplane.dev/cache-status": "CACHE_MISS" };
  const pod = {
    podSpec: { containers: [{ name: "primary", image: "x", args: ["{{.outputPrefix}}"] }] },
    metadata: { annotations },
  };
  const made = fromBinary(TaskTemplateSchema, toBinary(TaskTemplateSchema, template({})));
  await world.addChild("r1", "c1", {
    template: { id: made.id, target: { case: "k8sPod", value: { ...pod, primaryContainerName: "primary" } } } as never,
  });
  await world.untilReported("c1");
  const { items } = await world.client.list(pods, { labelSelector: "flyte.org/action=c1" });
  expect(Object.keys(items[0]?.metadata.annotations ?? {})).toEqual(["kubectl.kubernetes.io/default-container"]);
  expect(world.controlPlane.cache.calls).toEqual([]);
});
