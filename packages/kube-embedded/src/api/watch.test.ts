import { expect, test } from "vitest";
import { type Event, KubeFixture, podBody } from "../testing/kube-fixture.ts";

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";

async function take(events: AsyncGenerator<Event>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const next = await events.next();
    if (next.done === true) break;
    seen.push(`${next.value.type} ${next.value.object.metadata.name ?? ""}`);
  }
  return seen;
}

test("a watch from a list's resourceVersion sees every later change, in order, old and live", async () => {
  await using kube = new KubeFixture();
  const stop = new AbortController();
  await kube.call("POST", MAPS, { metadata: { name: "before" } });
  const rv = (await kube.call("GET", MAPS)).object.metadata.resourceVersion;
  await kube.call("POST", MAPS, { metadata: { name: "a" } });
  const events = kube.watch(`${MAPS}?watch=true&resourceVersion=${rv}`, stop.signal);
  expect(await take(events, 1)).toEqual(["ADDED a"]);
  await kube.patch(`${MAPS}/a`, { data: { k: "v" } });
  await kube.call("DELETE", `${MAPS}/a`);
  expect(await take(events, 2)).toEqual(["MODIFIED a", "DELETED a"]);
  stop.abort();
  expect(await take(events, 1)).toEqual([]);
});

test("a watch without resourceVersion starts with what is there", async () => {
  await using kube = new KubeFixture();
  const stop = new AbortController();
  await kube.call("POST", MAPS, { metadata: { name: "a" } });
  const events = kube.watch(`${MAPS}?watch=1`, stop.signal);
  expect(await take(events, 1)).toEqual(["ADDED a"]);
  await kube.call("POST", MAPS, { metadata: { name: "b" } });
  expect(await take(events, 1)).toEqual(["ADDED b"]);
  stop.abort();
  await events.next();
});

test("an object that leaves the selection is DELETED with its last selected state, one that enters is ADDED", async () => {
  await using kube = new KubeFixture();
  const stop = new AbortController();
  const rv = (await kube.call("GET", PODS)).object.metadata.resourceVersion;
  await kube.call("POST", PODS, podBody("p", {}, { labels: { team: "x" } }));
  await kube.patch(`${PODS}/p`, { metadata: { labels: { team: "y" } } });
  const last = await kube.patch(`${PODS}/p`, { metadata: { labels: { team: "x" } } });
  const byLabel = kube.watch(`${PODS}?watch=1&resourceVersion=${rv}&labelSelector=team%3Dx`, stop.signal);
  expect((await byLabel.next()).value).toMatchObject({ type: "ADDED" });
  expect((await byLabel.next()).value).toMatchObject({
    type: "DELETED",
    object: { metadata: { labels: { team: "x" } } },
  });
  expect((await byLabel.next()).value).toMatchObject({ type: "ADDED" });
  const byField = kube.watch(
    `${PODS}?watch=1&resourceVersion=${last.object.metadata.resourceVersion}&fieldSelector=status.phase%3DPending`,
    stop.signal,
  );
  await kube.patch(`${PODS}/p/status`, { status: { phase: "Running" } });
  expect(await take(byField, 1)).toEqual(["DELETED p"]);
  stop.abort();
  await Promise.all([byLabel.next(), byField.next()]);
});

test("a watch ends at its timeout, with a bookmark at the newest revision when bookmarks are allowed", async () => {
  await using kube = new KubeFixture();
  const rv = (await kube.call("GET", MAPS)).object.metadata.resourceVersion;
  const events = kube.watch(
    `${MAPS}?watch=1&resourceVersion=${rv}&timeoutSeconds=90&allowWatchBookmarks=true`,
    new AbortController().signal,
  );
  const first = events.next();
  await new Promise((resolve) => setImmediate(resolve));
  await kube.call("POST", PODS, podBody("other"));
  kube.clock.advance(60_000);
  expect((await first).value).toMatchObject({
    type: "BOOKMARK",
    object: { kind: "ConfigMap", metadata: { resourceVersion: String(kube.store.revision) } },
  });
  const end = events.next();
  await new Promise((resolve) => setImmediate(resolve));
  kube.clock.advance(30_000);
  expect((await end).value).toMatchObject({ type: "BOOKMARK" });
  expect((await events.next()).done).toBe(true);
});

test("a watch that starts before the log's beginning, or after its end, is told to list again with 410", async () => {
  await using kube = new KubeFixture({ keepChanges: 10 });
  for (let n = 0; n < 200; n++) await kube.call("POST", MAPS, { metadata: { name: `a${n}` } });
  const events = kube.watch(`${MAPS}?watch=1&resourceVersion=1`, new AbortController().signal);
  expect((await events.next()).value).toMatchObject({
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired" },
  });
  expect((await events.next()).done).toBe(true);
  expect((await kube.call("GET", `${MAPS}?watch=1&resourceVersion=99999`)).status).toBe(410);
});

test("a watcher that does not read is ended with 410 instead of growing a queue", async () => {
  await using kube = new KubeFixture();
  await kube.server.ready();
  const watch = kube.store.watch({ resource: "configmaps", after: kube.store.revision });
  watch.poke();
  await watch.next();
  for (let n = 0; n < 4200; n++) {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `a${n}` } };
    await kube.store.commit([
      {
        op: "put",
        key: { resource: "configmaps", namespace: "default", name: `a${n}` },
        expected: 0,
        object,
        selectable: { labels: {}, fields: {} },
      },
    ]);
  }
  await expect(watch.next()).rejects.toThrow("behind");
});
