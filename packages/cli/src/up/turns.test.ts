import { setImmediate, setTimeout as wait } from "node:timers/promises";
import type { Transport } from "@homeplane/kube";
import { expect, test } from "vitest";
import { kubeInTurns, Turns } from "./turns.ts";

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** A component that always has something to do: each call is work, and none ever leaves the microtask queue. */
async function worker(transport: Transport, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) await transport.request({ method: "GET", path: "/", headers: {} });
}

const working: Transport = {
  request: async () => {
    busy(1);
    return { status: 200, headers: {}, body: (async function* () {})() };
  },
  close: async () => undefined,
};

test("components that are busy with one another leave the event loop its turns", async () => {
  const passes = async (transport: Transport): Promise<number> => {
    const work = Promise.all(Array.from({ length: 16 }, () => worker(transport, 10))).then(() => undefined);
    let count = 0;
    while ((await Promise.race([work, setImmediate("a pass")])) !== undefined) count++;
    return count;
  };
  expect(await passes(working)).toBeLessThan(5);
  expect(await passes(kubeInTurns(working, new Turns()))).toBeGreaterThan(100);
});

test("each call comes to its turn, in order, and an idle process does not wait for one", async () => {
  const turns = new Turns();
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      await turns.take();
      busy(0.5);
      order.push(index);
    }),
  );
  expect(order.filter((value) => value > 0)).toEqual(order.filter((value) => value > 0).toSorted((a, b) => a - b));
  expect(order).toHaveLength(50);
  await wait(20);
  await turns.take();
  expect(turns.take()).toBeUndefined();
});
