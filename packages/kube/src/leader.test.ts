import { silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { KubeClient } from "./client.ts";
import { runAsLeader } from "./leader.ts";
import { FakeApiServer } from "./testing/fake-api-server.ts";
import { seededRandom, VirtualClock } from "./testing/virtual-clock.ts";
import type { Transport } from "./transport.ts";

/** Candidates of one lease, each of which can be cut off from the server. */
function setUp() {
  const clock = new VirtualClock();
  const server = new FakeApiServer(clock, seededRandom(1));
  const leading = new Set<string>();
  const history: string[] = [];
  const cut = new Set<string>();
  const start = (identity: string, work?: () => Promise<void>) => {
    const transport: Transport = {
      request: (request) => (cut.has(identity) ? new Promise(() => undefined) : server.request(request)),
      close: () => Promise.resolve(),
    };
    const random = seededRandom(identity.length);
    const client = new KubeClient({ transport, clock, random, log: silentLogger });
    const controller = new AbortController();
    const lease = { namespace: "union", name: "executor" };
    const options = { client, lease, identity, clock, random, log: silentLogger, signal: controller.signal };
    const ended = runAsLeader(options, async (signal) => {
      history.push(`${identity} leads${leading.size > 0 ? " TOO" : ""}`);
      leading.add(identity);
      try {
        await (work?.() ?? new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
      } finally {
        leading.delete(identity);
      }
      history.push(`${identity} stops`);
    });
    return { ended, stop: () => controller.abort(new Error("stop")) };
  };
  return { clock, server, leading, history, cut, start };
}

test("one of many leads, and goes on leading while it renews", async () => {
  const { clock, history, leading, start } = setUp();
  const all = ["a", "bb", "ccc"].map((identity) => start(identity));
  await clock.advance(10 * 60_000);
  expect(history).toHaveLength(1);
  expect(leading.size).toBe(1);
  for (const { stop } of all) stop();
  await clock.advance(1);
  await Promise.all(all.map(({ ended }) => ended));
});

test("a leader that stops hands over at once; one that is cut off stops before the next begins", async () => {
  const { clock, history, cut, start } = setUp();
  const a = start("a");
  await clock.advance(1_000);
  const b = start("bb");
  await clock.advance(10_000);
  a.stop();
  await clock.advance(3_000);
  await a.ended;
  expect(history).toEqual(["a leads", "a stops", "bb leads"]);
  const c = start("ccc");
  await clock.advance(30_000);
  cut.add("bb");
  await clock.advance(30_000);
  expect(history.slice(3)).toEqual(["bb stops", "ccc leads"]);
  cut.delete("bb");
  await clock.advance(60_000);
  expect(history).toHaveLength(5);
  c.stop();
  await clock.advance(3_500);
  expect(history.at(-1)).toBe("bb leads");
  b.stop();
  await clock.advance(1);
  await Promise.all([b.ended, c.ended]);
  expect(clock.timers).toBe(0);
});

test("faults of the server shorter than the deadline cost nothing", async () => {
  const { clock, server, history, start } = setUp();
  const a = start("a");
  const b = start("bb");
  for (let i = 0; i < 50; i++) {
    await clock.advance(13_000);
    server.failNext("lost", 500, "reset");
  }
  expect(history).toHaveLength(1);
  a.stop();
  b.stop();
  await clock.advance(6_000);
  await Promise.all([a.ended, b.ended]);
});

test("work that fails frees the lease and is told to the caller", async () => {
  const { clock, start, history } = setUp();
  const a = start("a", () => Promise.reject(new Error("broken")));
  const failed = expect(a.ended).rejects.toThrow("broken");
  await clock.advance(1);
  await failed;
  const b = start("bb");
  await clock.advance(1);
  expect(history.at(-1)).toBe("bb leads");
  b.stop();
  await clock.advance(1);
  await b.ended;
});
