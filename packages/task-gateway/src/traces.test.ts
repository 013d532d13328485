import { createRouterTransport, createClient } from "@connectrpc/connect";
import { tracesFinalizer } from "@homeplane/idl";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { Children } from "./children.ts";
import { child, eventually, namespace, readUntil, taskActionType, trace, worldWithParent } from "./testing/world.ts";
import { TraceReports } from "./trace-reports.ts";

const isClaimed = async (it: Awaited<ReturnType<typeof worldWithParent>>): Promise<boolean> =>
  (await it.get("r1-a0")).metadata.finalizers?.includes(tracesFinalizer) ?? false;

test("traces that were not told when the gateway ended are told by the next one, though their parent has ended; then it is let go", async () => {
  await using it = await worldWithParent();
  it.state.controlPlaneAway = true;
  await Promise.all(Array.from({ length: 40 }, (_, n) => it.actions.enqueue(trace(`t${n}`))));
  expect(await isClaimed(it)).toBe(true);
  await it.end("r1-a0", "Succeeded");
  await it.restartGateway();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(it.reported).toEqual([]);
  expect(await isClaimed(it)).toBe(true);
  it.state.controlPlaneAway = false;
  await eventually("all are told", () => new Set(it.reported.filter((text) => text.startsWith("end"))).size === 40);
  await expect.poll(() => isClaimed(it)).toBe(false);
});

test("a parent that is cleaned away meanwhile stays until its traces are told", async () => {
  await using it = await worldWithParent();
  it.state.controlPlaneAway = true;
  await it.actions.enqueue(trace("t1"));
  await it.end("r1-a0", "Succeeded");
  await it.client.delete(taskActionType, { namespace, name: "r1-a0" });
  // What the executor does when it is through with it.
  await it.client.patch(taskActionType, { namespace, name: "r1-a0" }, { metadata: { finalizers: [tracesFinalizer] } });
  await it.restartGateway();
  it.state.controlPlaneAway = false;
  await eventually("it is told", () => it.reported.includes("end t1"));
  await expect.poll(async () => (await it.client.list(taskActionType)).items).toEqual([]);
});

test("what was told is not told again for every watch", async () => {
  await using it = await worldWithParent();
  for (const name of ["t1", "t2"]) await it.actions.enqueue(trace(name));
  await eventually("both are told", () => it.reported.filter((text) => text.startsWith("end")).length === 2);
  for (let n = 0; n < 3; n++) await readUntil(it.watch(), (texts) => texts.includes("sentinel"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(it.reported).toHaveLength(6);
});

test("a parent without traces is not claimed", async () => {
  await using it = await worldWithParent();
  await it.actions.enqueue(child("c1"));
  expect(await isClaimed(it)).toBe(false);
});

test("reports that do not fit into memory come from the store again", async () => {
  await using it = await worldWithParent();
  it.state.controlPlaneAway = true;
  const common = { client: it.client, clock: systemClock, random: Math.random, log: silentLogger };
  const children = new Children(common);
  const told = new Set<string>();
  const channel = createRouterTransport(({ service }) => {
    service(EventsProxyService, { record: () => ({}) });
    service(InternalRunService, {
      recordAction: () => ({}),
      updateActionStatus({ actionId }) {
        told.add(actionId?.name ?? "");
        return {};
      },
    });
  });
  const reports = new TraceReports({
    ...common,
    children,
    objects: it.objects,
    events: createClient(EventsProxyService, channel),
    runs: createClient(InternalRunService, channel),
    maxKept: 3,
  });
  const stop = new AbortController();
  const informing = children.informer.run(stop.signal);
  await children.informer.synced;
  const parent = await it.get("r1-a0");
  await reports.claim(parent);
  for (let n = 0; n < 10; n++) {
    const { action } = trace(`t${n}`);
    await it.actions.enqueue({ action });
  }
  const { items } = await it.client.list(taskActionType);
  for (const stored of await it.storedTraces(items[0]!)) reports.add(parent, stored);
  const running = reports.run(stop.signal);
  await eventually("all are told", () => told.size === 10);
  stop.abort();
  await Promise.all([running, informing]);
});
