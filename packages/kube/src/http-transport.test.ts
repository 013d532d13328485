import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterEach, expect, test } from "vitest";
import { KubeClient } from "./client.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { httpTransport } from "./http-transport.ts";
import { namespaces, pods } from "./resource-types.ts";
import { testCertificate } from "./testing/test-certificate.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { NotSentError, type Transport, type TransportResponse } from "./transport.ts";

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function plain(handler: RequestListener, config: Partial<ClusterConfig> = {}): Promise<Transport> {
  const port = await listen(createServer(handler));
  return open({ server: `http://127.0.0.1:${port}`, namespace: "default", ...config });
}

function open(config: ClusterConfig, clock = systemClock): Transport {
  const transport = httpTransport(config, clock);
  cleanUps.push(() => transport.close());
  return transport;
}

async function text(response: TransportResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of response.body) parts.push(part);
  return Buffer.concat(parts).toString();
}

const get = (path: string) => ({ method: "GET", path, headers: {} });
const clientOf = (transport: Transport): KubeClient =>
  new KubeClient({ transport, log: silentLogger, clock: systemClock, random: () => 0 });

test("the server is known by its authority and knows us by our certificate", async () => {
  const served = testCertificate("server");
  const ours = testCertificate("homeplane");
  const server = createTlsServer(
    { cert: served.certificate, key: served.key, requestCert: true, ca: ours.certificate },
    (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN),
  );
  const port = await listen(server);
  const config = { server: `https://127.0.0.1:${port}`, namespace: "default", ...ours };
  const trusted = await open({ ...config, ca: served.certificate }).request(get("/version"));
  expect(await text(trusted)).toBe("homeplane");
  const stranger = open({ ...config, ca: testCertificate("other").certificate }).request(get("/version"));
  await expect(stranger).rejects.toBeInstanceOf(NotSentError);
});

test("a path before /api is kept, and header names come in lower case", async () => {
  const port = await listen(createServer((request, response) => response.setHeader("X-Path", request.url ?? "").end()));
  const response = await open({ server: `http://127.0.0.1:${port}/clusters/one/`, namespace: "d" }).request(
    get("/api?a=b"),
  );
  expect(response.headers["x-path"]).toBe("/clusters/one/api?a=b");
  await text(response);
});

test("a token that changes on disk is sent within a minute, or at once after a 401", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kube-"));
  cleanUps.push(() => rm(directory, { recursive: true }));
  const path = join(directory, "token");
  const clock = new VirtualClock();
  const port = await listen(
    createServer((request, response) => {
      response.statusCode = request.headers.authorization === "Bearer refused" ? 401 : 200;
      response.end(request.headers.authorization);
    }),
  );
  const transport = open({ server: `http://127.0.0.1:${port}`, namespace: "d", token: { kind: "file", path } }, clock);
  const send = async (): Promise<string> => text(await transport.request(get("/")));
  await expect(send()).rejects.toBeInstanceOf(NotSentError);
  await writeFile(path, "one\n");
  expect(await send()).toBe("Bearer one");
  await writeFile(path, "refused\n");
  expect(await send()).toBe("Bearer one");
  await clock.advance(60_000);
  expect(await send()).toBe("Bearer refused");
  await writeFile(path, "two\n");
  expect(await send()).toBe("Bearer two");
});

test("a request that found no server is known not to have been sent; one that was cut off is not", async () => {
  const spare = createTcpServer();
  await new Promise<void>((resolve) => spare.listen(0, "127.0.0.1", resolve));
  const { port } = spare.address() as AddressInfo;
  await new Promise((resolve) => spare.close(resolve));
  const nowhere = open({ server: `http://127.0.0.1:${port}`, namespace: "d" });
  await expect(nowhere.request(get("/"))).rejects.toBeInstanceOf(NotSentError);
  const cutting = await plain((request) => request.socket.destroy());
  const cut = cutting.request({ ...get("/"), method: "POST", body: Buffer.from("{}") });
  await expect(cut).rejects.toSatisfy((error) => error instanceof Error && !(error instanceof NotSentError));
});

test("connections are kept and used again", async () => {
  const ports = new Set<number | undefined>();
  const transport = await plain((request, response) => {
    ports.add(request.socket.remotePort);
    response.end("{}");
  });
  for (let i = 0; i < 30; i++) await text(await transport.request(get("/")));
  // A second one may be opened while the first answer's end is still being taken in.
  expect(ports.size).toBeLessThanOrEqual(2);
});

test("an abort ends an open watch on the server's side too, and watches do not hold up writes", async () => {
  let closed: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const transport = await plain((request, response) => {
    if (request.url?.includes("watch=true") !== true) {
      response.end("{}");
      return;
    }
    response.on("close", () => closed?.());
    response.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "a", namespace: "ns" } } })}\n`);
  });
  const client = clientOf(transport);
  const stop = new AbortController();
  const watch = client.watch(pods, { signal: stop.signal });
  expect((await watch.next()).value).toMatchObject({ type: "ADDED" });
  const others = Array.from({ length: 80 }, () => client.watch(pods, { signal: stop.signal }));
  await Promise.all(others.map((other) => other.next()));
  await client.get(namespaces, { name: "ns" });
  const pending = watch.next();
  stop.abort(new Error("enough"));
  await expect(pending).rejects.toThrow("enough");
  await gone;
});

test("a log is streamed as it comes, and leaving the loop frees the connection", async () => {
  let closed: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  let asked = "";
  const transport = await plain((request, response) => {
    asked = request.url ?? "";
    response.on("close", () => closed?.());
    response.write("line 1\n");
  });
  const options = { follow: true, container: "main", tailLines: 5, signal: new AbortController().signal };
  for await (const chunk of clientOf(transport).podLog({ namespace: "ns", name: "p" }, options)) {
    expect(Buffer.from(chunk).toString()).toBe("line 1\n");
    break;
  }
  await gone;
  expect(asked).toBe("/api/v1/namespaces/ns/pods/p/log?follow=true&container=main&tailLines=5");
});
