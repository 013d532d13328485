import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { namespaces, type TransportRequest, type TransportResponse } from "@homeplane/kube";
import { expect, test } from "vitest";
import { abort, start, taskActionType, world } from "./testing/world.ts";

const namespace = "demo-development";
const json = (status: number, body: object): TransportResponse => ({
  status,
  headers: { "content-type": "application/json" },
  body: (async function* () {
    yield new TextEncoder().encode(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", ...body }));
  })(),
});
const forbidden = (message: string): TransportResponse => json(403, { code: 403, reason: "Forbidden", message });
const makesNamespace = ({ method, path }: TransportRequest): boolean =>
  method === "POST" && path === "/api/v1/namespaces";

test("an order whose namespace can not be made is not acknowledged; the user hears why, and it starts when it can", async () => {
  let may = false;
  await using it = await world({
    answer: (request) => (!may && makesNamespace(request) ? forbidden("namespaces is forbidden") : undefined),
  });
  it.offer(start("r1"));
  await it.waits();
  expect(it.told, "what passes within two seconds is not worth a word").toEqual([]);
  it.clock.skip(3_000);
  await it.until("told", () => it.told.length > 0);
  expect(it.acknowledged).toEqual([]);
  expect(it.told[0]).toMatchObject({
    phase: ActionPhase.WAITING_FOR_RESOURCES,
    attempt: 1,
    id: { run: { name: "r1" }, name: "a0" },
    clusterEvents: [{ reason: "NamespaceForbidden", message: expect.stringContaining("namespaces is forbidden") }],
  });
  may = true;
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]?.errorCode).toBe("");
  expect(it.told, "the same words are told once").toHaveLength(1);
});

test("what nobody mends is given up after an hour, with the reason", async () => {
  await using it = await world({
    answer: (request) => (makesNamespace(request) ? forbidden("namespaces is forbidden") : undefined),
  });
  it.offer(start("r1"));
  await it.waits();
  it.clock.skip(3_600_001);
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]).toMatchObject({
    errorCode: "NamespaceForbidden",
    errorMessage: expect.stringContaining(
      "given up after 60 minutes: namespace demo-development: the operator may not",
    ),
  });
});

test("an order that waits can be aborted: nothing is made, and both orders are done", async () => {
  await using it = await world({
    answer: (request) => (makesNamespace(request) ? forbidden("namespaces is forbidden") : undefined),
  });
  it.offer(start("r1"));
  await it.waits();
  it.offer(abort("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.acknowledged).toMatchObject([
    { sequence: 1n, errorCode: "Aborted", errorMessage: "enough" },
    { sequence: 2n, errorCode: "" },
  ]);
  expect(await it.actions()).toEqual([]);
});

test("a configuration that Kubernetes refuses is said at once, and what to mend", async () => {
  await using it = await world({ namespaces: { quota: { pods: "many" } } });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]).toMatchObject({
    errorCode: "NamespaceInvalid",
    errorMessage: expect.stringContaining("Mend sections namespaces and tasks"),
  });
  expect(await it.actions()).toEqual([]);
});

test("a run that is started while its namespace is being deleted waits, says so, and starts in the new one", async () => {
  await using it = await world();
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  const old = await it.client.get(namespaces, { name: namespace });
  await it.client.delete(namespaces, { name: namespace });
  it.offer(start("r2"));
  await it.waits();
  it.clock.skip(3_000);
  await it.until("told", () => it.told.length > 0);
  expect(it.told[0]?.clusterEvents[0]).toMatchObject({ reason: "NamespaceTerminating" });
  expect(it.acknowledged).toHaveLength(1);
  // What held it: the first run's action.
  await it.client.patch(taskActionType, { namespace, name: "r1-a0" }, { metadata: { finalizers: [] } });
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.acknowledged[1]?.errorCode).toBe("");
  expect((await it.actions()).map(({ metadata }) => metadata.name)).toEqual(["r2-a0"]);
  expect((await it.client.get(namespaces, { name: namespace })).metadata.uid).not.toBe(old.metadata.uid);
});
