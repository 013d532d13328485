import { silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { KubeClient } from "./client.ts";
import { isAlreadyExists, isConflict, isExpired, isNotFound, KubeError } from "./kube-error.ts";
import { leases, namespaces, pods } from "./resource-types.ts";
import { errorOfStatus } from "./status.ts";
import { FakeApiServer } from "./testing/fake-api-server.ts";
import { pod } from "./testing/harness.ts";
import { seededRandom, settle, VirtualClock } from "./testing/virtual-clock.ts";

function setUp() {
  const clock = new VirtualClock();
  const server = new FakeApiServer(clock, seededRandom(7));
  const client = new KubeClient({ transport: server, clock, random: () => 0.5, log: silentLogger });
  const methods = (): string[] => server.requests.map(({ method }) => method);
  /** Time passes until the call has ended. */
  const run = async <T>(call: Promise<T>): Promise<T> => {
    const state = { ended: false };
    const watched = call.finally(() => {
      state.ended = true;
    });
    watched.catch(() => undefined);
    for (let i = 0; i < 100 && !state.ended; i++) await clock.advance(1_000);
    return watched;
  };
  return { clock, server, client, methods, run };
}

test("a list has all pages of one snapshot, and its items know their kind", async () => {
  const { server, client, run } = setUp();
  for (let i = 0; i < 10; i++) server.put(pod(`p${i}`));
  const { items, resourceVersion } = await run(client.list(pods, { namespace: "ns", labelSelector: "a in (b,c)" }));
  expect(items.map(({ kind, apiVersion, metadata }) => `${apiVersion} ${kind} ${metadata.name}`)).toEqual(
    Array.from({ length: 10 }, (_, i) => `v1 Pod p${i}`),
  );
  expect(resourceVersion).toBe("110");
  expect(server.requests).toHaveLength(4);
  expect(server.requests[0]?.path).toBe("/api/v1/namespaces/ns/pods?labelSelector=a%20in%20(b%2Cc)&limit=500");
});

test("a list whose continue token expires starts again, once", async () => {
  const { server, client, run } = setUp();
  for (let i = 0; i < 5; i++) server.put(pod(`p${i}`));
  const pages = client.listPages(pods)[Symbol.asyncIterator]();
  await pages.next();
  server.put(pod("p5"));
  server.history.compact();
  await expect(run(pages.next())).rejects.toSatisfy(isExpired);
  server.failNext(410);
  expect((await run(client.list(pods))).items).toHaveLength(6);
  server.failNext(410, 410);
  await expect(run(client.list(pods))).rejects.toSatisfy(isExpired);
});

test("the errors of the server can be told apart", async () => {
  const { server, client, run } = setUp();
  server.put(pod("a"));
  await expect(run(client.get(pods, { namespace: "ns", name: "b" }))).rejects.toSatisfy(isNotFound);
  await expect(run(client.create(pods, pod("a")))).rejects.toSatisfy(isAlreadyExists);
  const old = await run(client.get(pods, { namespace: "ns", name: "a" }));
  await run(client.update(pods, old));
  await expect(run(client.update(pods, old))).rejects.toSatisfy(isConflict);
  await run(
    client.delete(pods, { namespace: "ns", name: "a" }, { gracePeriodSeconds: 0, preconditions: { uid: "u" } }),
  );
  expect(JSON.parse(server.requests.at(-1)?.body ?? "")).toEqual({
    kind: "DeleteOptions",
    apiVersion: "v1",
    gracePeriodSeconds: 0,
    preconditions: { uid: "u" },
  });
});

test("a patch that names another uid is a conflict, whatever word the server has for it", () => {
  const invalid = (...fields: string[]): KubeError => {
    const causes = fields.map((field) => ({ reason: "FieldValueInvalid", message: "field is immutable", field }));
    return new KubeError({ status: 422, reason: "Invalid", message: "invalid", details: { causes } });
  };
  expect(isConflict(invalid("metadata.uid", "metadata.uid"))).toBe(true);
  expect(isConflict(invalid("metadata.uid", "spec.x"))).toBe(false);
  expect(isConflict(invalid())).toBe(false);
});

test("an object that is too large for etcd is refused for good, as one that is too large for the API server", () => {
  const said = [
    "etcdserver: request is too large",
    "rpc error: trying to send message larger than max (2500420 vs. 2097152)",
  ];
  for (const message of said) {
    const refused = errorOfStatus({ kind: "Status", code: 500, message }, 500);
    expect(refused).toMatchObject({ status: 413, reason: "RequestEntityTooLarge", message });
  }
  const other = errorOfStatus({ kind: "Status", code: 500, message: "etcdserver: leader changed" }, 500);
  expect(other).toMatchObject({ status: 500, reason: "InternalError" });
});

test("a create whose outcome is unknown is never sent twice", async () => {
  for (const fault of ["lost", "reset", 500, 503, "hang"] as const) {
    const { server, client, methods, run } = setUp();
    server.failNext(fault);
    await expect(run(client.create(pods, pod("a")))).rejects.toMatchObject({
      reason: {
        lost: "ConnectionLost",
        reset: "ConnectionLost",
        500: "InternalError",
        503: "ServiceUnavailable",
        hang: "Timeout",
      }[fault],
    });
    expect(methods()).toEqual(["POST"]);
  }
});

test("a pod is bound by a POST of its own uid, once", async () => {
  const { server, client, methods, run } = setUp();
  server.put(pod("a"));
  server.failNext("lost");
  await expect(run(client.bind({ namespace: "ns", name: "a", uid: "u" }, "local"))).rejects.toMatchObject({
    reason: "ConnectionLost",
  });
  expect(methods()).toEqual(["POST"]);
  expect(server.requests[0]?.path).toBe("/api/v1/namespaces/ns/pods/a/binding");
  expect(JSON.parse(server.requests[0]?.body ?? "")).toMatchObject({
    kind: "Binding",
    metadata: { name: "a", uid: "u" },
    target: { kind: "Node", name: "local" },
  });
});

test("a create that never left, or was turned away unread, is sent again", async () => {
  for (const fault of ["refused", 429] as const) {
    const { server, client, methods, run } = setUp();
    server.failNext(fault, fault);
    expect((await run(client.create(pods, pod("a")))).metadata.uid).toBe("uid-0");
    expect(methods()).toEqual(["POST", "POST", "POST"]);
  }
});

test("a read is sent again after any fault that may pass, five times in all", async () => {
  const { server, client, methods, run } = setUp();
  server.put(pod("a"));
  server.failNext("reset", 500, 503, "refused");
  expect((await run(client.get(pods, { namespace: "ns", name: "a" }))).metadata.name).toBe("a");
  server.failNext(500, 500, 500, 500, 500, 500);
  await expect(run(client.get(pods, { namespace: "ns", name: "a" }))).rejects.toMatchObject({ status: 500 });
  expect(methods()).toHaveLength(10);
});

test("a call ends after 30 s whatever the server does, and leaves no timer behind", async () => {
  const { clock, server, client } = setUp();
  server.failNext("hang");
  const call = client.get(pods, { namespace: "ns", name: "a" });
  const outcome = expect(call).rejects.toMatchObject({ status: 0, reason: "Timeout" });
  await clock.advance(29_999);
  expect(clock.timers).toBe(1);
  await clock.advance(1);
  await outcome;
  expect(clock.timers).toBe(0);
});

test("an abort ends a call with the caller's own reason", async () => {
  const { clock, server, client } = setUp();
  server.failNext("hang");
  const stop = new AbortController();
  const call = client.get(pods, { namespace: "ns", name: "a" }, { signal: stop.signal });
  stop.abort(new Error("never mind"));
  await expect(call).rejects.toThrow("never mind");
  expect(clock.timers).toBe(0);
});

test("names that would address something else are refused before anything is sent", async () => {
  const { server, client } = setUp();
  for (const name of ["", ".", ".."]) {
    await expect(client.delete(pods, { namespace: "ns", name })).rejects.toThrow("name for a Pod");
  }
  await expect(client.get(pods, { name: "a" })).rejects.toThrow("no namespace for a Pod");
  await expect(client.get(pods, { namespace: "", name: "a" })).rejects.toThrow("namespace for a Pod");
  expect(server.requests).toEqual([]);
});

test("paths and patch types follow the API reference", async () => {
  const { server, client, run } = setUp();
  server.failNext(500, 500);
  const none = (call: Promise<unknown>): Promise<unknown> => run(call).catch(() => undefined);
  await none(client.patch(pods, { namespace: "ns", name: "a/b" }, { status: {} }, { subresource: "status" }));
  await none(client.delete(namespaces, { name: "ns" }));
  await none(client.get(leases, { namespace: "ns", name: "l" }));
  expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PATCH /api/v1/namespaces/ns/pods/a%2Fb/status",
    "DELETE /api/v1/namespaces/ns",
    "GET /apis/coordination.k8s.io/v1/namespaces/ns/leases/l",
  ]);
});

test("a watch tells what happens, and turns ERROR, cuts and silence into errors", async () => {
  const { clock, server, client } = setUp();
  server.put(pod("a"));
  const { signal } = new AbortController();
  const open = () =>
    client.watch(pods, { resourceVersion: String(server.history.version), timeoutSeconds: 600, signal });
  const watch = open();
  const first = watch.next();
  await settle();
  server.put(pod("a", "Running"));
  expect((await first).value).toMatchObject({ type: "MODIFIED", object: { status: { phase: "Running" } } });
  const cut = expect(watch.next()).rejects.toMatchObject({ reason: "ConnectionLost" });
  await settle();
  server.endStreams("truncate");
  await cut;
  const silent = expect(open().next()).rejects.toMatchObject({ reason: "Timeout" });
  await settle();
  server.endStreams("silent");
  await clock.advance(90_000);
  await silent;
  server.put(pod("b"));
  server.history.compact();
  const expired = client.watch(pods, { resourceVersion: "100", signal }).next();
  await expect(expired).rejects.toSatisfy(isExpired);
});
