import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ListProjectsRequestSchema } from "@homeplane/idl/flyteidl2/project/project_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import { afterAll, beforeAll, expect, test } from "vitest";
import { domain, type Harness, inProject, project, refusal, startHarness, task } from "./testing/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());

const listRuns = "/flyteidl2.workflow.RunService/ListRuns";
const listProjects = "/flyteidl2.project.ProjectService/ListProjects";

async function post(path: string, body: Uint8Array | Readable, headers: Record<string, string> = {}) {
  const call = request(h.baseUrl + path, {
    method: "POST",
    headers: { "content-type": "application/proto", ...headers },
  });
  // The server may answer, and hang up, before it has read all.
  call.on("error", () => undefined);
  if (body instanceof Readable) body.pipe(call);
  else call.end(body);
  const [response] = (await once(call, "response")) as [IncomingMessage];
  const chunks: Uint8Array[] = [];
  for await (const chunk of response) chunks.push(chunk as Uint8Array);
  call.destroy();
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

test.each([
  ["Connect over HTTP/1.1", () => createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" })],
  ["Connect over h2c", () => createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "2" })],
  ["gRPC over h2c", () => createGrpcTransport({ baseUrl: h.baseUrl })],
  ["gRPC-Web over HTTP/1.1", () => createGrpcWebTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" })],
])("%s: unary calls, streams and errors work on the one port", async (_, transport) => {
  const runs = createClient(RunService, transport());
  const { run } = await runs.createRun({ id: inProject, task: task() });
  const name = run?.action?.id?.run?.name ?? "";
  const stop = new AbortController();
  for await (const { details } of runs.watchRunDetails({ runId: { project, domain, name } }, { signal: stop.signal })) {
    expect(details?.action?.id?.name).toBe("a0");
    break;
  }
  stop.abort();
  expect((await refusal(runs.getRunDetails({ runId: { project, domain, name: "none" } }))).code).toBe(Code.NotFound);
});

test("a unary success is exactly application/proto, an error is Connect's JSON", async () => {
  const good = await post(
    listProjects,
    toBinary(ListProjectsRequestSchema, create(ListProjectsRequestSchema, { limit: 1 })),
  );
  expect([good.status, good.headers["content-type"]]).toEqual([200, "application/proto"]);
  const bad = await post("/flyteidl2.workflow.RunService/GetRunDetails", new Uint8Array());
  expect([bad.status, bad.headers["content-type"]]).toEqual([400, "application/json"]);
  expect(JSON.parse(bad.text)).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("run_id") as string,
  });
});

test.each([
  ["garbage", new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f])],
  ["a length beyond the end", new Uint8Array([0x0a, 0x7f, 1])],
  ["a field of number 0", new Uint8Array([0x00, 0x00])],
])("%s instead of a message is INVALID_ARGUMENT, and the server goes on", async (_, body) => {
  expect(JSON.parse((await post(listRuns, body)).text)).toMatchObject({ code: "invalid_argument" });
  expect((await h.projects.listProjects({})).projects?.projects).toHaveLength(1);
});

test("garbage is INVALID_ARGUMENT in a streaming call too", async () => {
  const body = Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]);
  const stream = await post("/flyteidl2.workflow.RunService/WatchRunDetails", body, {
    "content-type": "application/connect+proto",
  });
  expect(stream.text).toContain('"invalid_argument"');
});

test("what claims to be gzip and is not is INVALID_ARGUMENT", async () => {
  const answer = await post(listRuns, Buffer.from("not gzip"), { "content-encoding": "gzip" });
  expect(JSON.parse(answer.text)).toMatchObject({ code: "invalid_argument" });
});

test("a gzip bomb of 1 GiB is RESOURCE_EXHAUSTED and takes no memory to speak of", async () => {
  const zeros = Buffer.alloc(1 << 20);
  const source = Readable.from(
    (function* () {
      for (let mebibyte = 0; mebibyte < 1024; mebibyte++) yield zeros;
    })(),
  );
  const bomb = await Readable.from(source.pipe(createGzip({ level: 1 }))).toArray();
  const before = process.memoryUsage().rss;
  const answer = await post(listRuns, Buffer.concat(bomb as Buffer[]), { "content-encoding": "gzip" });
  expect(JSON.parse(answer.text)).toMatchObject({ code: "resource_exhausted" });
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
});

test("an uncompressed body beyond the limit is RESOURCE_EXHAUSTED, also when no length is announced", async () => {
  const endless = Readable.from(
    (function* () {
      for (let n = 0; n < 80; n++) yield Buffer.alloc(1 << 20);
    })(),
  );
  expect(JSON.parse((await post(listRuns, endless)).text)).toMatchObject({ code: "resource_exhausted" });
});

test("the orchestration channel is not offered to clients", async () => {
  const events = createClient(EventsProxyService, createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" }));
  expect((await refusal(events.record({ events: [] }))).code).not.toBe(Code.Internal);
  expect((await post("/homeplane.v1.OrchestrationService/AcknowledgeOrders", new Uint8Array())).status).toBe(501);
  // What is no RPC is the console's.
  expect((await fetch(`${h.baseUrl}/v2/domain/development`)).status).toBe(418);
});

test("a method that is not implemented is UNIMPLEMENTED, not a bare 500", async () => {
  const answer = await post("/flyteidl2.workflow.RunService/GetActionData", new Uint8Array());
  expect(answer.status).toBe(501);
});

test.each([
  ["Connect over HTTP/1.1", () => createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" })],
  ["Connect over h2c", () => createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "2" })],
  ["gRPC over h2c", () => createGrpcTransport({ baseUrl: h.baseUrl })],
  ["gRPC-Web over HTTP/1.1", () => createGrpcWebTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" })],
])("%s: a service that is not served is UNIMPLEMENTED, for calls and streams", async (_, transport) => {
  const orders = createClient(OrchestrationService, transport());
  const unary = await refusal(orders.heartbeat({}));
  expect([unary.code, unary.rawMessage]).toEqual([
    Code.Unimplemented,
    expect.stringContaining("is not served here") as string,
  ]);
  const stream = orders.watchOrders({})[Symbol.asyncIterator]();
  expect((await refusal(stream.next())).code).toBe(Code.Unimplemented);
  expect((await h.projects.listProjects({})).projects?.projects).toHaveLength(1);
});

test("a program without any library calls it with JSON", async () => {
  const created = await fetch(`${h.baseUrl}/flyteidl2.project.ProjectService/GetProject`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: project }),
  });
  expect(await created.json()).toMatchObject({ project: { id: project, domains: [{ id: domain }, {}] } });
  const wrong = await fetch(h.baseUrl + listProjects, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"limit": "many", ',
  });
  expect([wrong.status, await wrong.json()]).toEqual([400, expect.objectContaining({ code: "invalid_argument" })]);
});

test.each([
  [
    "a Connect stream",
    "/flyteidl2.workflow.RunService/WatchRunDetails",
    "application/connect+proto",
    "connect-content-encoding",
  ],
  ["gRPC-Web", listRuns, "application/grpc-web+proto", "grpc-encoding"],
])("a gzip bomb as a message of %s is RESOURCE_EXHAUSTED too", async (_, path, type, encoding) => {
  const bomb = gzipSync(Buffer.alloc(200 << 20), { level: 1 });
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(bomb.length, 1);
  const before = process.memoryUsage().rss;
  const answer = await post(path, Buffer.concat([head, bomb]), { "content-type": type, [encoding]: "gzip" });
  const told = `${answer.text} ${String(answer.headers["grpc-status"])}`;
  expect(told).toMatch(/resource_exhausted|grpc-status: 8|\b8$/);
  expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
  expect((await h.projects.listProjects({})).projects?.projects).toHaveLength(1);
});

test("an error that nobody expected is INTERNAL with the request's id, for calls and streams", async () => {
  await using broken = await startHarness();
  await broken.store.close();
  const headers = { "x-request-id": "req-7" };
  const unary = await refusal(broken.runs.getRunDetails({ runId: { project, domain, name: "r1" } }, { headers }));
  const stream = broken.runs.watchRunDetails({ runId: { project, domain, name: "r1" } }, { headers });
  const streamed = await refusal(stream[Symbol.asyncIterator]().next());
  for (const error of [unary, streamed]) {
    expect(error.code).toBe(Code.Internal);
    expect(error.message).toContain("req-7");
  }
  broken.store.close = async () => undefined;
});
