import { silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { KubeClient } from "./client.ts";
import { deleteWithReason } from "./delete-with-reason.ts";
import { isNotFound } from "./kube-error.ts";
import { pods } from "./resource-types.ts";
import { FakeApiServer } from "./testing/fake-api-server.ts";
import { pod } from "./testing/harness.ts";
import { seededRandom, VirtualClock } from "./testing/virtual-clock.ts";

function setUp() {
  const clock = new VirtualClock();
  const server = new FakeApiServer(clock, seededRandom(7));
  const client = new KubeClient({ transport: server, clock, random: () => 0.5, log: silentLogger });
  const signal = new AbortController().signal;
  const name = { namespace: "ns", name: "a" };
  const sent = (): [string, unknown][] =>
    server.requests.map(({ method, body }) => [method, body === undefined ? {} : JSON.parse(body)]);
  const remove = (reason: string, unless?: () => boolean) =>
    deleteWithReason(client, pods, name, { annotation: "why", reason, signal, ...(unless ? { unless } : {}) });
  return { server, sent, remove };
}

test("the reason is on the object before it is deleted, and only that object is", async () => {
  const { server, sent, remove } = setUp();
  server.put(pod("a"));
  await remove("too expensive");
  expect(sent()).toMatchObject([
    ["PATCH", { metadata: { annotations: { why: "too expensive" } } }],
    ["DELETE", { preconditions: { uid: expect.stringMatching(/./) } }],
  ]);
});

test("an object that is to stay is not deleted; one that is gone is said to be", async () => {
  const { server, sent, remove } = setUp();
  server.put(pod("a"));
  await remove("no", () => true);
  expect(sent().map(([method]) => method)).toEqual(["PATCH"]);
  const empty = setUp();
  await expect(empty.remove("no")).rejects.toSatisfy(isNotFound);
});

test("a reason of any length is cut to what an annotation may hold, so that it never stops a deletion", async () => {
  const { server, sent, remove } = setUp();
  server.put(pod("a"));
  await remove("\u00e9".repeat(1 << 20));
  const [patch] = sent();
  expect(JSON.stringify(patch).length).toBeLessThan(2000);
  expect(sent()).toHaveLength(2);
});
