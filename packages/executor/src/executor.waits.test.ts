/** Whatever an action waits for is said in its status and told, and no wait is without an end. */
import { terminalPhase } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { pods } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { checkEnd } from "./testing/invariants.ts";
import { answer, isPodCreate } from "./testing/intercept.ts";
import { World, type WorldOptions } from "./testing/world.ts";
import { taskActionType } from "./resource.ts";

const succeeds = { kind: "exit", code: 0, runMs: 1000 } as const;
const worldOf = (script: WorldOptions["script"], more: Partial<WorldOptions> = {}): Promise<World> =>
  new World({ script, ...more }).start();

async function messageOf(world: World): Promise<string> {
  return (await world.taskAction("r1")).status?.conditions?.[0]?.message ?? "";
}

const told = (world: World): string[] =>
  (world.controlPlane.events.get("a0") ?? []).flatMap(({ clusterEvents }) =>
    clusterEvents.map(({ message }) => message),
  );

describe("what an action waits for", () => {
  test.each([
    [500, "InternalError", "etcdserver: leader changed"],
    [503, "ServiceUnavailable", "apiserver is shutting down"],
    [429, "TooManyRequests", "slow down"],
    [404, "NotFound", 'namespaces "demo-development" not found'],
  ])(
    "a pod that the API does not take (%i) is tried again ever more rarely, and it is said why",
    async (status, reason, message) => {
      await using world = await worldOf(() => succeeds);
      let tries = 0;
      let isBroken = true;
      world.intercept = (request) =>
        isBroken && isPodCreate(request) ? (tries++, answer(status, reason, message)) : undefined;
      world.submit("r1");
      await world.pass(10_000);
      const text = `the Kubernetes API did not take the pod (${status} ${reason}): ${message}`;
      expect(await messageOf(world)).toBe(text);
      expect(told(world)).toContain(text);
      await world.pass(600_000, 5000);
      expect(tries).toBeLessThan(150);
      expect(await messageOf(world)).toBe(text);
      isBroken = false;
      await world.untilReported("a0");
      await checkEnd(world, { a0: 0 });
      expect(await messageOf(world)).toBe("");
    },
  );

  test("somebody else's pod of that name is never adopted; it is told of, and does not stop the action", async () => {
    // The longest delay before the second try: what is said meanwhile is to be seen.
    await using world = await new World({ script: () => succeeds, random: () => 0.999 }).start();
    let squatted = false;
    world.before = async (request) => {
      if (squatted || !isPodCreate(request)) return;
      squatted = true;
      const { metadata } = JSON.parse(new TextDecoder().decode(request.body)) as {
        metadata: { name: string; namespace: string };
      };
      const name = { name: metadata.name, namespace: metadata.namespace };
      const spec = { containers: [{ name: "x", image: "x:1" }] };
      await world.client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: name, spec });
      await world.client.patch(pods, name, { status: { phase: "Failed" } }, { subresource: "status" });
    };
    world.submit("r1");
    const failures = async () => (await world.taskActions())[0]?.status?.systemFailures;
    await world.until("a second try", async () => (await failures()) === 1);
    expect(await messageOf(world)).toMatch(
      /^attempt 1 starts again.*\(system failure 1 of at most 3\), after PodNameTaken: pod \S+ exists and belongs to somebody else$/,
    );
    await world.until("the end", async () => terminalPhase(await world.taskAction("r1")) === "SUCCEEDED");
    await world.pass(2000);
    expect(told(world).some((text) => text.includes("belongs to somebody else"))).toBe(true);
  });

  test("an image that can not be pulled is shown and told while it may still come", async () => {
    await using world = await worldOf(() => ({ kind: "stuck", reason: "ImagePullBackOff", message: "no such tag" }));
    world.submit("r1");
    await world.pass(20_000);
    const { status } = await world.taskAction("r1");
    const text =
      /^image "\S+" of container \S+ can not be pulled: check its name, and whether nodes reach its registry( \| |\n)ImagePullBackOff: no such tag$/;
    expect(status?.conditions?.[0]).toMatchObject({ reason: "Initializing", message: expect.stringMatching(text) });
    expect(told(world)).toContainEqual(expect.stringMatching(text));
  });

  test("a reason that changes all the time is written no more than every ten seconds", async () => {
    let turn = 0;
    await using world = await worldOf(() => ({ kind: "unscheduled", message: `${turn++}/9 nodes available` }));
    world.submit("r1");
    await world.pass(5000);
    const { resourceVersion } = (await world.taskAction("r1")).metadata;
    let writes = 0;
    let last = resourceVersion;
    for (let second = 0; second < 60; second++) {
      await world.pass(1000);
      const now = (await world.taskAction("r1")).metadata.resourceVersion;
      if (now !== last) writes++;
      last = now;
    }
    expect(writes).toBeGreaterThan(2);
    expect(writes).toBeLessThanOrEqual(7);
  });
});

describe("no wait is without an end", () => {
  test("an abort ends though its pod's end is never confirmed, and says so; the pod keeps its action", async () => {
    await using world = await worldOf(() => ({ kind: "run", lost: true }));
    world.submit("r1");
    await world.until("a pod", async () => (await world.livePods()).length > 0);
    await world.pass(2000);
    world.abortAction("r1", "a0", "too expensive");
    await world.pass(60_000, 5000);
    expect(world.controlPlane.ends.has("a0")).toBe(false);
    await world.pass(60_000, 5000);
    expect(world.controlPlane.ends.get("a0")).toEqual(new Set([ActionPhase.ABORTED]));
    const error = (await world.taskAction("r1")).status?.errorState;
    expect(error?.message).toMatch(/^too expensive; the end of pod \S+ on node node was not confirmed in time/);
    // Its node comes back.
    const [pod] = await world.livePods();
    const name = { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" };
    await world.client.patch(pods, name, { metadata: { finalizers: [] } });
    await world.client.delete(pods, name, { gracePeriodSeconds: 0 });
    await world.pass(20_000, 2000);
    expect(await world.taskActions()).toEqual([]);
  });

  test("a pod that was deleted on a node that went silent: it is said and told, and once the node is given up the attempt goes on at no cost", async () => {
    await using world = await worldOf(({ turn }) => (turn === 0 ? { kind: "run", lost: true } : succeeds));
    world.submit("r1");
    await world.until("a pod", async () => (await world.livePods()).length > 0);
    await world.pass(2000);
    const [pod] = await world.livePods();
    const name = { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" };
    await world.client.delete(pods, name);
    await world.pass(20_000, 2000);
    expect(await messageOf(world)).toBe("");
    await world.pass(120_000, 5000);
    const { status } = await world.taskAction("r1");
    const text = /^pod \S+ was to end by \S+, and node node does not tell that it has: .*: kubectl delete node node$/;
    expect(status?.conditions?.[0]).toMatchObject({ reason: "Executing", message: expect.stringMatching(text) });
    expect(told(world)).toContainEqual(expect.stringMatching(text));
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
    // As the garbage collector does with pods of a node that is no more.
    const lost = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message: "orphaned" };
    const failed = { status: { phase: "Failed", conditions: [lost] } };
    await world.client.patch(pods, name, failed, { subresource: "status" });
    await world.client.patch(pods, name, { metadata: { finalizers: [] } });
    await world.client.delete(pods, name, { gracePeriodSeconds: 0 });
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
    expect((await world.taskAction("r1")).status).toMatchObject({ attempts: 1, systemFailures: 1 });
  });

  test("a pod that never got a node holds up no abort, whatever finalizer it carries", async () => {
    await using world = await worldOf(() => ({ kind: "unscheduled", message: "no room" }));
    world.submit("r1");
    await world.until("a pod", async () => (await world.livePods()).length > 0);
    const [pod] = await world.livePods();
    const name = { namespace: pod?.metadata.namespace ?? "", name: pod?.metadata.name ?? "" };
    await world.client.patch(pods, name, { metadata: { finalizers: ["example.com/stuck"] } });
    world.kubelet.isAway = true;
    world.abortAction("r1");
    await world.untilReported("a0");
    expect(world.controlPlane.ends.get("a0")).toEqual(new Set([ActionPhase.ABORTED]));
  });
});

test("ended runs are cleaned away by their number too, those that ended first before the others", async () => {
  await using world = await worldOf(() => succeeds, { config: { retainedRuns: 3 } });
  for (const run of ["r1", "r2", "r3", "r4", "r5"]) {
    world.submit(run);
    await world.until(run, async () => {
      const found = (await world.taskActions()).find(({ spec }) => spec.runName === run);
      return found !== undefined && terminalPhase(found) !== undefined;
    });
    await world.pass(2000);
  }
  await world.pass(10_000);
  const left = async (): Promise<string[]> => (await world.taskActions()).map(({ spec }) => spec.runName).toSorted();
  expect(await left()).toEqual(["r3", "r4", "r5"]);
  // Also after a restart, and a run that is under way is none of them.
  world.killExecutor();
  await world.pass(10_000);
  expect(await left()).toEqual(["r3", "r4", "r5"]);
  expect((await world.client.list(taskActionType)).items).toHaveLength(3);
});

describe("a container that is not started, of which only the kubelet's events say why", () => {
  const missing = 'MountVolume.SetUp failed for volume "settings" : configmap "nope" not found';
  const creating: WorldOptions["script"] = () => ({ kind: "stuck", reason: "ContainerCreating", message: "" });

  /** As the kubelet tells it, again and again. */
  function eventsOf(world: World, reason: string, message: string, isOver = (): boolean => false): void {
    world.intercept = ({ method, path }) => {
      if (method !== "GET" || !/\/events\?/.test(path)) return undefined;
      const at = (ago: number): string => new Date(world.clock.now() - ago).toISOString();
      const warning = { type: "Warning", reason, message, lastTimestamp: at(5_000) };
      const vague = { ...warning, message: "Unable to attach or mount volumes: timed out", lastTimestamp: at(2_000) };
      const over = isOver() ? [{ type: "Normal", reason: "Pulling", message: "", lastTimestamp: at(1_000) }] : [];
      return answer(200, "", "", { kind: "EventList", metadata: {}, items: [warning, vague, ...over] });
    };
  }

  test("a ConfigMap that is not there is told in the kubelet's words, and fails the action after the grace time", async () => {
    await using world = await worldOf(creating);
    eventsOf(world, "FailedMount", missing);
    const begun = world.clock.monotonic();
    world.submit("r1", { retries: 2 });
    await world.pass(30_000);
    expect(await messageOf(world)).toBe(`FailedMount: ${missing}`);
    expect(told(world)).toContain(`FailedMount: ${missing}`);
    await world.untilReported("a0");
    const { status } = await world.taskAction("r1");
    expect(status?.errorState).toEqual({ code: "FailedMount", kind: "USER", message: `FailedMount: ${missing}` });
    expect(world.kubelet.podsOf.get("a0")).toBe(1);
    expect(world.clock.monotonic() - begun).toBeLessThan(5 * 60_000);
  });

  test("trouble of the node is no fault of the task: the attempt goes on in a new pod, a bounded number of times", async () => {
    await using world = await worldOf(creating);
    eventsOf(world, "FailedCreatePodSandBox", "plugin type=calico failed");
    world.submit("r1");
    await world.untilReported("a0");
    const { status } = await world.taskAction("r1");
    expect(status?.errorState).toMatchObject({ code: "FailedCreatePodSandBox", kind: "SYSTEM" });
    expect(world.kubelet.podsOf.get("a0")).toBe(4);
  });

  test("what we put into the pod ourselves is no fault of the task when it is missing", async () => {
    await using world = await worldOf(creating);
    eventsOf(world, "FailedMount", 'MountVolume.SetUp failed for volume "t" : configmap "homeplane-trust" not found');
    world.submit("r1");
    await world.untilReported("a0");
    expect((await world.taskAction("r1")).status?.errorState).toMatchObject({ code: "FailedMount", kind: "SYSTEM" });
  });

  test("a warning of another kind is shown, and ends nothing, however long an image takes", async () => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 600_000 }));
    const text = "Unable to retrieve some image pull secrets (pull)";
    eventsOf(world, "FailedToRetrieveImagePullSecret", text);
    world.submit("r1");
    await world.pass(300_000, 5_000);
    expect(await messageOf(world)).toContain("Unable to");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
  });

  test("a warning of the same second as a good word is over: events have whole seconds", async () => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 240_000 }));
    world.intercept = ({ method, path }) => {
      if (method !== "GET" || !/\/events\?/.test(path)) return undefined;
      const lastTimestamp = new Date(world.clock.now() - 1_000).toISOString();
      const warning = { type: "Warning", reason: "FailedMount", message: missing, lastTimestamp };
      const good = { type: "Normal", reason: "Pulling", message: "", lastTimestamp };
      return answer(200, "", "", { kind: "EventList", metadata: {}, items: [warning, good] });
    };
    world.submit("r1");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
  });

  test("what has passed is not held against it", async () => {
    await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 240_000 }));
    eventsOf(world, "FailedMount", missing, () => true);
    world.submit("r1");
    await world.pass(230_000, 5_000);
    expect(await messageOf(world)).toBe("");
    await world.untilReported("a0");
    await checkEnd(world, { a0: 0 });
  });

  test.each([403, 404, 500])(
    "where events are not to be had (%i) it waits as it would without them",
    async (status) => {
      await using world = await worldOf(() => ({ ...succeeds, startAfterMs: 60_000 }));
      world.intercept = ({ method, path }) =>
        method === "GET" && /\/events\?/.test(path) ? answer(status, "Reason", "no") : undefined;
      world.submit("r1");
      await world.untilReported("a0");
      await checkEnd(world, { a0: 0 });
    },
  );
});

test("a service account that is not there is waited for, and fails the action after the grace time", async () => {
  await using world = await worldOf(() => succeeds);
  const message =
    'pods "p" is forbidden: error looking up service account demo-development/nope: serviceaccount "nope" not found';
  world.intercept = (request) => (isPodCreate(request) ? answer(403, "Forbidden", message) : undefined);
  const podSpec = { serviceAccountName: "nope", containers: [{ name: "main", image: "x:1" }] };
  const target = { case: "k8sPod" as const, value: { podSpec, primaryContainerName: "main" } };
  const begun = world.clock.monotonic();
  world.submit("r1", { type: "sidecar", template: { target } });
  await world.pass(20_000);
  expect(await messageOf(world)).toBe(message);
  await world.untilReported("a0");
  expect((await world.taskAction("r1")).status?.errorState).toEqual({ code: "AdmissionDenied", kind: "USER", message });
  const took = world.clock.monotonic() - begun;
  expect(took).toBeGreaterThan(3 * 60_000);
  expect(took).toBeLessThan(6 * 60_000);
});

test.each([
  ["whose containers have all ended is left to its kubelet: one write less", ["main"], 0],
  ["with a sidecar that outlives the task is stopped", ["main", "sidecar"], 1],
])("a pod %s", async (_, names, deletions) => {
  await using world = await worldOf(() => ({ ...succeeds, podLater: true }));
  const deleted = new Set<string>();
  world.intercept = ({ method, path }) => {
    if (method === "DELETE" && /\/pods\//.test(path)) deleted.add(path);
    return undefined;
  };
  const podSpec = { containers: names.map((name) => ({ name, image: "x:1", args: ["{{.outputPrefix}}"] })) };
  const target = { case: "k8sPod" as const, value: { podSpec, primaryContainerName: "main" } };
  world.submit("r1", { type: "sidecar", template: { target } });
  await world.untilSettled();
  await world.pass(10_000);
  expect(deleted.size).toBe(deletions);
});
