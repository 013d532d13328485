import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { Order } from "@homeplane/idl/homeplane/v1/orchestration";
import { expect, test } from "vitest";
import { domain, type Harness, inProject, project, refusal, startHarness, task } from "../testing/harness.ts";

async function newRun(h: Harness) {
  const { run } = await h.runs.createRun({ id: inProject, task: task() });
  return { project, domain, name: run?.action?.id?.run?.name ?? "" };
}

/** The first `count` orders that a new subscriber is offered. */
async function offered(h: Harness, count: number): Promise<Order[]> {
  const stop = new AbortController();
  const orders: Order[] = [];
  for await (const message of h.orders.watchOrders({ cluster: "c" }, { signal: stop.signal })) {
    orders.push(...message.orders);
    if (orders.length >= count) break;
  }
  stop.abort();
  return orders;
}

const nameOf = ({ order }: Order): string =>
  order.case === "start"
    ? `start ${order.value.spec?.actionId?.run?.name}`
    : `abort ${order.value?.actionId?.run?.name}`;

test("orders are offered again until they are acknowledged, oldest first, also after the store was opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "homeplane-orders-"));
  try {
    const path = join(folder, "db.sqlite");
    const expected: string[] = [];
    let taken = 0n;
    {
      await using h = await startHarness({ path });
      for (let n = 0; n < 3; n++) expected.push(`start ${(await newRun(h)).name}`);
      const first = await offered(h, 3);
      expect(first.map(nameOf)).toEqual(expected);
      expect((await offered(h, 3)).map(nameOf)).toEqual(expected);
      taken = first[0]?.sequence ?? 0n;
      await h.orders.acknowledgeOrders({ results: [{ sequence: taken }] });
      await h.orders.acknowledgeOrders({ results: [{ sequence: taken }, { sequence: 999n }] });
    }
    await using again = await startHarness({ path });
    const rest = await offered(again, 2);
    expect(rest.map(nameOf)).toEqual(expected.slice(1));
    await again.orders.acknowledgeOrders({ results: rest.map(({ sequence }) => ({ sequence })) });
    // A number is never given twice, though the table is empty.
    await newRun(again);
    expect((await offered(again, 1))[0]?.sequence).toBeGreaterThan(rest.at(-1)?.sequence ?? 0n);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a subscriber gets orders as they come to be, none missed under load", async () => {
  await using h = await startHarness();
  const stop = new AbortController();
  const seen: string[] = [];
  const reader = (async () => {
    for await (const { orders } of h.orders.watchOrders({ cluster: "c" }, { signal: stop.signal })) {
      seen.push(...orders.map(nameOf));
      if (seen.length === 300) return;
    }
  })();
  const made = await Promise.all(Array.from({ length: 300 }, () => newRun(h)));
  await reader;
  stop.abort();
  expect(new Set(seen)).toEqual(new Set(made.map(({ name }) => `start ${name}`)));
  expect(seen).toHaveLength(300);
});

test("an order that the data plane refuses fails the action with its words, and is done", async () => {
  await using h = await startHarness();
  const run = await newRun(h);
  const [order] = await offered(h, 1);
  const refusedOrder = { sequence: order?.sequence ?? 0n, errorCode: "InvalidResource", errorMessage: "no such image" };
  // At least once: the second time nothing happens.
  for (let n = 0; n < 2; n++) await h.orders.acknowledgeOrders({ results: [refusedOrder] });
  const { details } = await h.runs.getRunDetails({ runId: run });
  expect(details?.action?.status?.phase).toBe(ActionPhase.FAILED);
  expect(details?.action?.result).toMatchObject({
    case: "errorInfo",
    value: { code: "InvalidResource", message: "no such image" },
  });
  expect(await h.store.orders.pending(0n, 10)).toEqual([]);
});

test("a refusal of an order that was taken before does not fail the action", async () => {
  await using h = await startHarness();
  const run = await newRun(h);
  const [order] = await offered(h, 1);
  const sequence = order?.sequence ?? 0n;
  await h.orders.acknowledgeOrders({ results: [{ sequence }] });
  await h.orders.acknowledgeOrders({ results: [{ sequence, errorCode: "Late", errorMessage: "late" }] });
  expect((await h.runs.getRunDetails({ runId: run })).details?.action?.status?.phase).toBe(ActionPhase.QUEUED);
});

test("an abort is one order behind the start, with its reason; of an ended action it is none, and no error", async () => {
  await using h = await startHarness();
  const runId = await newRun(h);
  await h.runs.abortRun({ runId, reason: "enough" });
  const orders = await offered(h, 2);
  expect(orders.map(nameOf)).toEqual([`start ${runId.name}`, `abort ${runId.name}`]);
  expect(orders[1]?.order).toMatchObject({ value: { reason: "enough", actionId: { name: "a0" } } });
  await h.internal.updateActionStatus({
    actionId: { run: runId, name: "a0" },
    status: { phase: ActionPhase.ABORTED, attempts: 1 },
    abortReason: "enough",
  });
  await h.runs.abortRun({ runId });
  await h.runs.abortAction({ actionId: { run: runId, name: "a0" } });
  expect(await h.store.orders.pending(0n, 10)).toHaveLength(2);
  expect((await h.runs.getRunDetails({ runId })).details?.action?.result).toMatchObject({
    case: "abortInfo",
    value: { reason: "enough" },
  });
  expect((await refusal(h.runs.abortRun({ runId: { ...runId, name: "none" } }))).code).toBe(Code.NotFound);
});

test.each([
  ["an event without an attempt", { attempt: 0, phase: ActionPhase.RUNNING }, "attempt"],
  ["an event without a phase", { attempt: 1 }, "phase"],
  ["an event of a phase that nobody knows", { attempt: 1, phase: 77 as ActionPhase }, "phase"],
])("%s is INVALID_ARGUMENT", async (_, event, text) => {
  await using h = await startHarness();
  const id = { run: await newRun(h), name: "a0" };
  const error = await refusal(h.events.record({ events: [{ id, ...event }] }));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.message).toContain(text);
});

test("a report of an unknown action is NOT_FOUND, so that its spec is sent first; recording it twice is no error", async () => {
  await using h = await startHarness();
  const run = await newRun(h);
  const id = { run, name: "child" };
  const event = { id, attempt: 1, phase: ActionPhase.RUNNING };
  expect((await refusal(h.events.record({ events: [event] }))).code).toBe(Code.NotFound);
  const record = { actionId: id, parent: "a0", spec: { case: "trace" as const, value: { name: "t" } } };
  await h.internal.recordAction(record);
  await h.events.record({ events: [event] });
  await h.internal.recordAction(record);
  const { details } = await h.runs.getActionDetails({ actionId: id });
  expect(details?.status?.phase).toBe(ActionPhase.RUNNING);
  const orphan = { ...record, actionId: { run, name: "orphan" }, parent: "" };
  expect((await refusal(h.internal.recordAction(orphan))).code).toBe(Code.InvalidArgument);
  const lost = { ...record, actionId: { run: { ...run, name: "none" }, name: "c" } };
  expect((await refusal(h.internal.recordAction(lost))).code).toBe(Code.NotFound);
});

test("open is what the data plane has stored and nobody has told of as ended; a trace and another cluster's are not", async () => {
  await using h = await startHarness();
  const [ordered, going, over, elsewhere] = [await newRun(h), await newRun(h), await newRun(h), await newRun(h)];
  const orders = await offered(h, 4);
  const stored = orders.filter((order) => nameOf(order) !== `start ${ordered.name}`);
  await h.orders.acknowledgeOrders({ results: stored.map(({ sequence }) => ({ sequence })) });
  const end = { phase: ActionPhase.SUCCEEDED, attempts: 1 };
  await h.internal.updateActionStatus({ actionId: { run: over, name: "a0" }, status: end });
  const event = { attempt: 1, phase: ActionPhase.RUNNING, cluster: "other" };
  await h.events.record({ events: [{ ...event, id: { run: elsewhere, name: "a0" } }] });
  const spec = { case: "trace" as const, value: { name: "t" } };
  await h.internal.recordAction({ actionId: { run: going, name: "t" }, parent: "a0", spec });
  await h.events.record({ events: [{ ...event, id: { run: going, name: "a0" }, attempt: 2, cluster: "c" }] });
  const { actions, token } = await h.orders.listOpenActions({ cluster: "c" });
  expect(actions.map(({ actionId, attempt }) => [actionId?.run?.name, actionId?.name, attempt])).toEqual([
    [going.name, "a0", 2],
  ]);
  expect(token).toBe("");
  expect((await refusal(h.orders.listOpenActions({ cluster: "c", token: "x" }))).message).toContain("token");
});
