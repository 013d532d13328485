import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request, type RequestOptions } from "node:https";
import { connect } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EmbeddedKube } from "../embedded-kube.ts";
import { ensureCertificates } from "../certs/certificates.ts";
import { temporaryKube } from "../testing/temporary.ts";
import { startKubeServer } from "./server.ts";

let kube: EmbeddedKube & AsyncDisposable;
let tls: { ca: string; cert: string; key: string };

beforeAll(async () => {
  kube = await temporaryKube();
  const config = JSON.parse(await readFile(kube.kubeconfigPath, "utf8")) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const pem = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString();
  const user = config.users[0]?.user;
  tls = {
    ca: pem(config.clusters[0]?.cluster["certificate-authority-data"]),
    cert: pem(user?.["client-certificate-data"]),
    key: pem(user?.["client-key-data"]),
  };
});
afterAll(() => kube[Symbol.asyncDispose]());

async function open(url: string, options: RequestOptions, body?: string): Promise<IncomingMessage> {
  const sent = request(url, { agent: false, ...options });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

async function call(
  url: string,
  options: RequestOptions,
  body?: string,
): Promise<{ status: number | undefined; text: string }> {
  const response = await open(url, options, body);
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

test("nobody gets in without a client certificate of our CA", async () => {
  const anonymous = await call(`${kube.url}/api/v1/namespaces`, { ca: tls.ca });
  expect([anonymous.status, JSON.parse(anonymous.text)]).toEqual([
    401,
    expect.objectContaining({ kind: "Status", reason: "Unauthorized", code: 401 }),
  ]);
  const token = await call(`${kube.url}/healthz`, { ca: tls.ca, headers: { authorization: "Bearer guess" } });
  expect(token.status).toBe(401);
  const dir = await mkdtemp(join(tmpdir(), "kube-foreign-"));
  try {
    const foreign = await ensureCertificates({ dir, clock: systemClock });
    expect((await call(`${kube.url}/api`, { ca: tls.ca, ...foreign.client })).status).toBe(401);
  } finally {
    await rm(dir, { recursive: true });
  }
});

/** One request on a TLS connection of its own; the answer's status line, whether the session was resumed, and its ticket. */
async function overTls(
  session: Buffer | undefined,
): Promise<{ status: string; reused: boolean; session: Buffer | undefined }> {
  const socket = connect({
    host: "127.0.0.1",
    port: kube.port,
    ca: tls.ca,
    servername: "localhost",
    ...(session === undefined ? {} : { session }),
  });
  let ticket: Buffer | undefined;
  socket.on("session", (given: Buffer) => {
    ticket = given;
  });
  await once(socket, "secureConnect");
  const reused = socket.isSessionReused();
  socket.write("GET /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return { status: text.split("\r\n")[0] ?? "", reused, session: ticket };
}

test("an anonymous client does not get in by resuming its TLS session", async () => {
  const first = await overTls(undefined);
  const second = await overTls(first.session);
  expect([first.status, second.status]).toEqual(["HTTP/1.1 401 Unauthorized", "HTTP/1.1 401 Unauthorized"]);
  expect([first.reused, second.reused]).toEqual([false, true]);
});

test("a holder of the certificate gets in, and the server proves itself by the CA", async () => {
  const answer = await call(`${kube.url}/api/v1/namespaces/default`, tls);
  expect([answer.status, (JSON.parse(answer.text) as { metadata: { name: string } }).metadata.name]).toEqual([
    200,
    "default",
  ]);
  await expect(call(`${kube.url}/api`, { cert: tls.cert, key: tls.key })).rejects.toThrow(/certificate/);
});

test("a bearer token stands in for a certificate where one is configured", async () => {
  const dir = await mkdtemp(join(tmpdir(), "kube-token-"));
  const { ca, server } = await ensureCertificates({ dir, clock: systemClock });
  const http = await startKubeServer({
    apiServer: kube.apiServer,
    host: "127.0.0.1",
    port: 0,
    tls: { ...server, ca },
    token: "s3cret",
    log: silentLogger,
  });
  try {
    expect((await call(`${http.url}/api`, { ca, headers: { authorization: "Bearer s3cret" } })).status).toBe(200);
    expect((await call(`${http.url}/api`, { ca, headers: { authorization: "Bearer s3cre" } })).status).toBe(401);
  } finally {
    await http.close();
    await rm(dir, { recursive: true });
  }
});

test("a watch streams each event as it happens, and ends when its client goes", async () => {
  const watch = await open(`${kube.url}/api/v1/namespaces/default/configmaps?watch=1`, tls);
  expect(watch.headers["transfer-encoding"]).toBe("chunked");
  const created = call(
    `${kube.url}/api/v1/namespaces/default/configmaps`,
    { ...tls, method: "POST" },
    JSON.stringify({ metadata: { name: "a" } }),
  );
  const [chunk] = (await once(watch, "data")) as [Buffer];
  expect(JSON.parse(String(chunk))).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
  expect((await created).status).toBe(201);
  watch.destroy();
});

test("a body without end is refused with 413 and not kept", async () => {
  const answer = await call(
    `${kube.url}/api/v1/namespaces/default/configmaps`,
    { ...tls, method: "POST" },
    "x".repeat(4_000_000),
  ).catch((error: unknown) => error);
  // The server may close while the client still writes: then the client sees a reset instead of the answer.
  if (answer instanceof Error) expect(answer.message).toMatch(/ECONNRESET|EPIPE|socket hang up/);
  else expect(answer).toMatchObject({ status: 413 });
  expect((await call(`${kube.url}/readyz`, tls)).text).toBe("ok");
});
