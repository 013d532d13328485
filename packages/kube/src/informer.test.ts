import { expect, test } from "vitest";
import { silentLogger } from "@homeplane/runtime-kit";
import { Informer } from "./informer.ts";
import type { Change } from "./informer-store.ts";
import { pods } from "./resource-types.ts";
import { type Harness, pod, startInformer } from "./testing/harness.ts";
import { settle } from "./testing/virtual-clock.ts";
import type { Pod } from "./types/pod.ts";

const MINUTE = 60_000;

function record({ informer, clock }: Harness): { at: number; change: Change<Pod> }[] {
  const changes: { at: number; change: Change<Pod> }[] = [];
  informer.onChange((change) => changes.push({ at: clock.now(), change }));
  return changes;
}

test("the first list makes it synced, and a listener hears what exists, then what happens, in order", async () => {
  await using harness = startInformer(1, {}, (server) => server.put(pod("a")));
  const { informer, server } = harness;
  expect(informer.hasSynced).toBe(false);
  await informer.synced;
  await settle();
  expect(informer.hasSynced).toBe(true);
  const changes = record(harness);
  server.put(pod("b"));
  server.put(pod("b", "Running"));
  server.remove("ns/a");
  await settle();
  expect(changes.map(({ change: { type, key } }) => `${type} ${key}`)).toEqual([
    "added ns/a",
    "added ns/b",
    "updated ns/b",
    "deleted ns/a",
  ]);
  expect(changes[2]?.change).toMatchObject({
    object: { status: { phase: "Running" } },
    previous: { status: { phase: "Pending" } },
  });
  expect(informer.get("ns/a")).toBeUndefined();
});

test("over an hour of rotations no event is late by a moment, and no rotation lists", async () => {
  await using harness = startInformer(3, { resyncMs: 24 * 60 * MINUTE });
  const { server, clock } = harness;
  await clock.advance(1);
  const changes = record(harness);
  const put: number[] = [];
  for (let i = 0; i < 720; i++) {
    server.put(pod(`p${i % 7}`, i % 2 === 0 ? "Pending" : "Running"));
    put.push(clock.now());
    await clock.advance(5_000);
  }
  expect(changes.map(({ at }) => at)).toEqual(put);
  const watches = server.requests.filter(({ path }) => path.includes("watch=true"));
  expect(server.requests.length - watches.length).toBe(1);
  expect(watches.length).toBeGreaterThanOrEqual(6);
  expect(watches.length).toBeLessThanOrEqual(13);
  expect(server.openStreams).toBe(1);
});

test("a watch that falls silent is replaced after 90 s", async () => {
  await using harness = startInformer();
  const { server, clock, informer } = harness;
  await clock.advance(1);
  server.endStreams("silent");
  server.put(pod("a"));
  await clock.advance(89_000);
  expect(informer.get("ns/a")).toBeUndefined();
  await clock.advance(2_000);
  expect(informer.get("ns/a")).toBeDefined();
});

test("an event that the server lost is found by the next list, a deletion too", async () => {
  await using harness = startInformer(1, {}, (server) => server.put(pod("gone")));
  const { server, clock, informer } = harness;
  await clock.advance(1);
  server.loseNext(2);
  server.remove("ns/gone");
  server.put(pod("new"));
  await clock.advance(12.5 * MINUTE);
  expect(informer.list().map((p) => p.metadata.name)).toEqual(["new"]);
});

test("while the server is away it is asked with a growing pause, and found within 20 s of its return", async () => {
  await using harness = startInformer();
  const { server, clock, informer } = harness;
  await clock.advance(1);
  const before = server.requests.length;
  server.failNext(...Array.from({ length: 10_000 }, () => "refused" as const));
  server.endStreams("reset");
  await clock.advance(60 * MINUTE);
  const asked = server.requests.length - before;
  // A watch each 7.5 s on average; from the first relist on it is a list, of five tries.
  expect(asked).toBeGreaterThan(400);
  expect(asked).toBeLessThan(2_500);
  server.put(pod("a"));
  server.heal();
  await clock.advance(20_000);
  expect(informer.get("ns/a")).toBeDefined();
});

test("when the version of the watch is gone, a list finds within a second what was missed", async () => {
  await using harness = startInformer(1, {}, (server) => server.put(pod("gone")));
  const { server, clock, informer } = harness;
  for (let i = 0; i < 8; i++) {
    await clock.advance(11_000);
    server.endStreams("reset");
    server.remove("ns/gone");
    server.put(pod(`new-${i}`));
    server.history.compact();
  }
  await clock.advance(1_000);
  expect(informer.list()).toHaveLength(8);
  expect(informer.get("ns/gone")).toBeUndefined();
});

test("a server that takes each watch and ends it at once is not stormed", async () => {
  await using harness = startInformer();
  const { server, clock } = harness;
  await clock.advance(1);
  const before = server.requests.length;
  for (let i = 0; i < 600; i++) {
    server.endStreams("end");
    await clock.advance(100);
  }
  expect(server.requests.length - before).toBeLessThan(30);
});

test("only the projection is kept, indexes follow it, and an object that can not be projected hides no other", async () => {
  await using harness = startInformer(1, {}, (server) => {
    for (const name of ["a", "poison", "b"]) server.put(pod(name));
  });
  const { server, clock, client } = harness;
  type Small = { name: string; phase: string };
  const informer = new Informer<Pod, Small>({
    client,
    type: pods,
    project: ({ metadata, status }) => {
      if (metadata.name === "poison") throw new Error("poison");
      return { name: metadata.name, phase: status?.phase ?? "" };
    },
    indexes: { phase: (small) => [small.phase], letter: (small) => [small.name, "all"] },
    clock,
    random: () => 0.5,
    log: silentLogger,
  });
  informer.onChange(() => {
    throw new Error("a bad listener");
  });
  const heard: string[] = [];
  informer.onChange(({ key }) => heard.push(key));
  const controller = new AbortController();
  const running = informer.run(controller.signal);
  await clock.advance(1);
  expect(informer.list()).toEqual([
    { name: "a", phase: "Pending" },
    { name: "b", phase: "Pending" },
  ]);
  server.put(pod("b", "Running"));
  await clock.advance(1);
  expect(informer.byIndex("phase", "Running")).toEqual([{ name: "b", phase: "Running" }]);
  expect(informer.byIndex("phase", "Pending")).toEqual([{ name: "a", phase: "Pending" }]);
  server.remove("ns/a");
  await clock.advance(1);
  expect(informer.byIndex("letter", "all")).toEqual([{ name: "b", phase: "Running" }]);
  expect(() => informer.byIndex("colour", "red")).toThrow("no index");
  expect(heard).toEqual(["ns/a", "ns/b", "ns/b", "ns/a"]);
  controller.abort(new Error("over"));
  await running;
});

test("a stop ends everything: no timer, no open watch; one before the first list is told to who waits", async () => {
  const harness = startInformer();
  await harness.clock.advance(1);
  await harness.stop();
  await harness.clock.advance(11 * MINUTE);
  expect(harness.server.openStreams).toBe(0);
  expect(harness.clock.timers).toBe(0);
  const early = startInformer(1, {}, (server) => server.failNext("hang"));
  await settle();
  await early.stop();
  await expect(early.informer.synced).rejects.toThrow("the test is over");
});
