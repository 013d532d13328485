import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { labelValue, logsFinalizer } from "@homeplane/idl";
import { LogLineOriginator } from "@homeplane/idl/flyteidl2/logs/dataplane/payload";
import { pods } from "@homeplane/kube";
import { type ObjectStore, ObjectStoreError, openFsObjectStore } from "@homeplane/object-store";
import { systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import {
  archived,
  bucket,
  createPod,
  eventually,
  lines,
  namespace,
  podOf,
  readAllLogs,
  released,
  remove,
  request,
  setPhase,
  startWorld,
  textOf,
} from "./testing/world.ts";

const name = "run1-a0-12345678-1-0";
const key = `acme/shop/dev/run1/a0/1/logs/${name}.main.log`;

test("before there is a pod or an archive the answer is NOT_FOUND", async () => {
  await using world = await startWorld();
  await expect(readAllLogs(world)).rejects.toMatchObject({ code: Code.NotFound });
});

test("a request that does not say whose log it wants is refused, with the field's name", async () => {
  await using world = await startWorld({ archiver: false });
  await expect(readAllLogs(world, { attempt: 1 })).rejects.toMatchObject({ code: Code.InvalidArgument });
  const error: unknown = await readAllLogs(world, { ...request(), attempt: 0 }).catch((thrown: unknown) => thrown);
  expect(ConnectError.from(error).rawMessage).toContain("attempt");
});

test("a reader gets each line while the container runs, and its stream ends when the container has ended", async () => {
  await using world = await startWorld();
  await createPod(world);
  const stream = world.logs.tailLogs(request(), { signal: AbortSignal.timeout(10_000) })[Symbol.asyncIterator]();
  const first = stream.next();
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "one"));
  const { value } = await first;
  expect(value?.logs[0]).toMatchObject({
    lines: [{ message: "one\n", originator: LogLineOriginator.USER, timestamp: { seconds: 1767225601n, nanos: 1 } }],
    container: {
      clusterName: "test",
      kubernetesNamespace: namespace,
      kubernetesPodName: name,
      kubernetesContainerName: "main",
    },
  });
  world.node.write(name, "main", ...lines(2, "two"));
  expect(textOf([(await stream.next()).value].filter((one) => one !== undefined))).toBe("two\n");
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  expect((await stream.next()).done).toBe(true);
});

test("live and archived, a log has the same lines, and the archive has the very bytes", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  await setPhase(world, name, "Running");
  const raw = [
    ...lines(1, "plain", "größer ☃", "", "a\rb"),
    Buffer.from([...Buffer.from(lines(9, "")[0] ?? "").subarray(0, -1), 0xff, 0xfe, 0x0a]),
  ];
  world.node.write(name, "main", ...raw, (lines(10, "no newline")[0] ?? "").trimEnd());
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  const live = textOf(await readAllLogs(world));
  expect(live).toBe("plain\ngrößer ☃\n\na\rb\n\u{fffd}\u{fffd}\nno newline\n");
  world.startArchiver();
  await released(world, name);
  await remove(world, name);
  expect(await podOf(world, name)).toBeUndefined();
  expect(textOf(await readAllLogs(world))).toBe(live);
  expect(await archived(world, key)).toEqual(world.node.bytes(name, "main"));
});

test("a pod that is deleted right after its end still has its log", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "last words"));
  world.node.end(name, "main");
  await setPhase(world, name, "Failed");
  await remove(world, name);
  world.startArchiver();
  await eventually(async () => (await podOf(world, name)) === undefined);
  expect(textOf(await readAllLogs(world))).toBe("last words\n");
});

test("a pod is held until the node has flushed the tail of its log", async () => {
  await using world = await startWorld();
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "early"));
  await setPhase(world, name, "Succeeded");
  await remove(world, name);
  await eventually(async () => world.node.requests.length > 0);
  expect((await podOf(world, name))?.metadata.finalizers).toContain(logsFinalizer);
  world.node.write(name, "main", ...lines(2, "late"));
  world.node.end(name, "main");
  await eventually(async () => (await podOf(world, name)) === undefined);
  expect(textOf(await readAllLogs(world))).toBe("early\nlate\n");
});

test("a stream that never ends holds neither the archiver nor a reader", async () => {
  await using world = await startWorld({ flushMs: 50 });
  world.node.always = { kind: "hang" };
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "all of it"));
  const reading = readAllLogs(world);
  await eventually(async () => world.node.requests.length > 0);
  await setPhase(world, name, "Succeeded");
  expect(textOf(await reading)).toBe("all of it\n");
  await released(world, name);
  expect((await archived(world, key)).toString()).toContain("all of it");
});

test("a pod whose log can not be read is let go after the hold", async () => {
  await using world = await startWorld({ holdMs: 300 });
  world.node.always = { kind: "cut", afterBytes: 45 };
  await createPod(world);
  world.node.write(name, "main", ...lines(1, "first", "second"));
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  await released(world, name);
  await remove(world, name);
  // What could be read is kept, and the reader is told that it is not all.
  const found = (await readAllLogs(world)).flatMap(({ logs }) => logs.flatMap((one) => one.lines));
  expect(found.map((line) => line.originator)).toContain(LogLineOriginator.SYSTEM);
  expect(found[0]?.message).toBe("first\n");
});

test("a pod that never started is let go at once, with no archive", async () => {
  await using world = await startWorld();
  await createPod(world);
  await remove(world, name);
  await eventually(async () => (await podOf(world, name)) === undefined);
  await expect(readAllLogs(world)).rejects.toMatchObject({ code: Code.NotFound });
});

test("a crash at any point of archiving loses nothing", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "one"));
  await setPhase(world, name, "Succeeded");
  world.startArchiver();
  await eventually(async () => world.node.requests.length > 0);
  // Stopped while it reads the log, which has not ended.
  await world.stopArchiver();
  expect((await podOf(world, name))?.metadata.finalizers).toContain(logsFinalizer);
  world.node.write(name, "main", ...lines(2, "two"));
  world.node.end(name, "main");
  world.startArchiver();
  await released(world, name);
  expect(await archived(world, key)).toEqual(world.node.bytes(name, "main"));
});

test("the finalizer goes although others write to the pod, and theirs stay", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  await world.client.patch(
    pods,
    { namespace, name },
    { metadata: { finalizers: ["example.dev/other", logsFinalizer] } },
  );
  await setPhase(world, name, "Running");
  await setPhase(world, name, "Succeeded");
  world.startArchiver();
  await eventually(async () => world.node.requests.length > 0);
  await world.client.patch(pods, { namespace, name }, { metadata: { annotations: { changed: "meanwhile" } } });
  world.node.end(name, "main");
  await released(world, name);
  expect((await podOf(world, name))?.metadata.finalizers).toEqual(["example.dev/other"]);
});

test("a relaunched attempt shows the earlier incarnation's log first, and pod_name picks one", async () => {
  await using world = await startWorld();
  const names = ["run1-a0-12345678-1-0", "run1-a0-12345678-1-1"];
  for (const [n, one] of names.entries()) {
    await createPod(world, { name: one });
    world.node.write(one, "main", ...lines(n + 1, `incarnation ${n}`));
    world.node.end(one, "main");
    await setPhase(world, one, n === 0 ? "Failed" : "Succeeded");
  }
  await released(world, name);
  await remove(world, name);
  expect(textOf(await readAllLogs(world))).toBe("incarnation 0\nincarnation 1\n");
  const picked = (value: string) => request({ podSelector: { case: "podName", value } });
  expect(textOf(await readAllLogs(world, picked(names[1] ?? "")))).toBe("incarnation 1\n");
  await expect(readAllLogs(world, picked("other"))).rejects.toMatchObject({ code: Code.NotFound });
  const all = textOf(await readAllLogs(world, request({ podSelector: { case: "allPods", value: true } })));
  expect(all.split("\n").toSorted()).toEqual(["", "incarnation 0", "incarnation 1"]);
});

test("a container that does not start in time is NOT_FOUND, with what it waits for", async () => {
  await using world = await startWorld({ startMs: 60 });
  await createPod(world);
  await expect(readAllLogs(world)).rejects.toMatchObject({ code: Code.NotFound });
});

test("a reader that goes away leaves no stream open", async () => {
  await using world = await startWorld();
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "one"));
  const leave = new AbortController();
  const stream = world.logs.tailLogs(request(), { signal: leave.signal })[Symbol.asyncIterator]();
  await stream.next();
  const next = stream.next();
  leave.abort();
  await expect(next).rejects.toMatchObject({ code: Code.Canceled });
  await eventually(async () => world.node.requests.every((one) => one.signal.aborted));
});

test("a reader that is slower than the deletion of its pod goes on from the archive, from where it was", async () => {
  await using world = await startWorld();
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "one", "one", "two"));
  const stream = world.logs.tailLogs(request(), { signal: AbortSignal.timeout(10_000) })[Symbol.asyncIterator]();
  const first = textOf([(await stream.next()).value].filter((one) => one !== undefined));
  // The rest is written, the pod ends, is archived and deleted while this reader does not read.
  world.node.write(name, "main", ...lines(4, "three"));
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  await remove(world, name);
  await eventually(async () => (await podOf(world, name)) === undefined);
  let rest = "";
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) rest += textOf([next.value]);
  expect(first + rest).toBe("one\none\ntwo\nthree\n");
});

test("a pod that is let go before it started leaves its reader with NOT_FOUND, not with an empty log", async () => {
  await using world = await startWorld();
  await createPod(world);
  const reading = readAllLogs(world);
  const failed = expect(reading).rejects.toMatchObject({ code: Code.NotFound });
  await remove(world, name);
  await failed;
});

test("a container that never started says why", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  const status = { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory" };
  await world.client.patch(pods, { namespace, name }, { status }, { subresource: "status" });
  const found = (await readAllLogs(world)).flatMap(({ logs }) => logs.flatMap((one) => one.lines));
  expect(found).toMatchObject([{ originator: LogLineOriginator.SYSTEM }]);
  expect(found[0]?.message).toContain("low on resource: memory");
});

test("all containers of a pod are archived, and served in the order of their lines", async () => {
  await using world = await startWorld();
  await createPod(world, { containers: ["main", "side"] });
  await setPhase(world, name, "Running");
  world.node.write(name, "main", ...lines(1, "main 1"), ...lines(3, "main 3"));
  world.node.write(name, "side", ...lines(2, "side 2"));
  for (const container of ["main", "side"]) world.node.end(name, container);
  await setPhase(world, name, "Succeeded");
  const live = textOf(await readAllLogs(world));
  await released(world, name);
  await remove(world, name);
  expect(textOf(await readAllLogs(world))).toBe("main 1\nside 2\nmain 3\n");
  expect(live).toBe("main 1\nside 2\nmain 3\n");
});

test("names that are no label values lead to the same archive from both sides", async () => {
  await using world = await startWorld();
  const action = "_odd/..";
  await createPod(world, { action: labelValue(action) });
  world.node.write(name, "main", ...lines(1, "odd"));
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  await released(world, name);
  await remove(world, name);
  const of = { actionId: { run: { project: "shop", domain: "dev", name: "run1" }, name: action }, attempt: 1 };
  expect(textOf(await readAllLogs(world, of))).toBe("odd\n");
});

test("a bucket that is away for a while costs no log", async () => {
  const root = await mkdtemp(join(tmpdir(), "log-provider-store-"));
  const real = await openFsObjectStore({ root, buckets: [bucket], clock: systemClock });
  let away = true;
  const store = new Proxy(real, {
    get(target, property, receiver) {
      if (property !== "put") return (Reflect.get(target, property, receiver) as () => unknown).bind(target);
      return async (...args: Parameters<ObjectStore["put"]>) => {
        if (away) throw new ObjectStoreError("Internal", "the bucket is away");
        return await target.put(...args);
      };
    },
  });
  await using world = await startWorld({ holdMs: 50, store });
  await createPod(world);
  world.node.write(name, "main", ...lines(1, "safe"));
  world.node.end(name, "main");
  await setPhase(world, name, "Succeeded");
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect((await podOf(world, name))?.metadata.finalizers).toContain(logsFinalizer);
  away = false;
  await released(world, name);
  await remove(world, name);
  expect(textOf(await readAllLogs(world))).toBe("safe\n");
  await rm(root, { recursive: true });
});

test("a reader is told when a live log broke off for good, instead of being shown an end", async () => {
  await using world = await startWorld({ archiver: false });
  await createPod(world);
  await setPhase(world, name, "Running");
  world.node.always = { kind: "refuse" };
  await expect(readAllLogs(world)).rejects.toMatchObject({ code: Code.Unavailable });
  world.node.always = { kind: "cut", afterBytes: 0, clean: true };
  world.node.write(name, "main", ...lines(1, "unseen"));
  await expect(readAllLogs(world)).rejects.toMatchObject({ code: Code.Unavailable });
});
