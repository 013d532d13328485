import { once } from "node:events";
import { request, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { HomeplaneError } from "./error.ts";
import type { HttpHandler } from "./http-protocols.ts";
import { type HttpServer, listenHttp } from "./http-server.ts";

const open: HttpServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close(0);
});

/** The calls that both kinds of response share are a union to the compiler. */
const asHttp1 = (response: Parameters<HttpHandler>[1]): ServerResponse => response as ServerResponse;

const answer: HttpHandler = (incoming, response) => {
  asHttp1(response).end(`HTTP/${incoming.httpVersion} ${incoming.url}`);
};

async function start(handler: HttpHandler = answer, firstByteTimeoutMs = 5000): Promise<HttpServer> {
  const server = await listenHttp({ host: "127.0.0.1", port: 0, handler, firstByteTimeoutMs });
  open.push(server);
  return server;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function overHttp1(port: number): Promise<string> {
  const call = request({ host: "127.0.0.1", port, path: "/one", agent: false }).end();
  const [response] = (await once(call, "response")) as [AsyncIterable<Uint8Array>];
  return textOf(response);
}

async function overHttp2(port: number): Promise<string> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  try {
    return await textOf(session.request({ ":path": "/two" }));
  } finally {
    session.destroy();
  }
}

/** Lets a packet arrive by itself before the next one goes out: there is no other way to cut a stream of TCP. */
const packetGap = () => new Promise((resolve) => setTimeout(resolve, 10));

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  return socket;
}

test("HTTP/1.1 and HTTP/2 in plain text are served on one port", async () => {
  const { port } = await start();
  expect(await Promise.all([overHttp1(port), overHttp2(port)])).toEqual(["HTTP/1.1 /one", "HTTP/2.0 /two"]);
});

test.each([1, 2, 3, 4])("a preface of HTTP/2 cut behind byte %i is one of HTTP/2 all the same", async (cut) => {
  const { port } = await start();
  const socket = await connected(port);
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  socket.write(preface.subarray(0, cut));
  await packetGap();
  socket.write(Buffer.concat([preface.subarray(cut), emptySettings]));
  const [first] = (await once(socket, "data")) as [Buffer];
  // The server's own SETTINGS frame: type 4 on stream 0.
  expect([first[3], first.readUInt32BE(5)]).toEqual([4, 0]);
  socket.destroy();
});

test("a request of HTTP/1.1 that comes byte by byte is answered, also one that starts like the preface", async () => {
  const { port } = await start();
  for (const method of ["GET", "POST", "PUT", "PROPFIND"]) {
    const socket = await connected(port);
    const text = `${method} /slow HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
    for (const byte of text.slice(0, 4)) {
      socket.write(byte);
      await packetGap();
    }
    socket.write(text.slice(4));
    expect(await textOf(socket)).toContain("HTTP/1.1 /slow");
  }
});

test.each([
  ["says nothing", ""],
  ["stops within the preface", "PR"],
])("a connection that %s is closed in time", async (_, sent) => {
  const { port } = await start(answer, 50);
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(sent);
  socket.resume();
  await once(socket, "close");
});

test("bytes that are neither protocol end their connection and nothing else", async () => {
  const { port } = await start();
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]));
  expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 400 /);
  const broken = connect({ host: "127.0.0.1", port });
  broken.write("PRI * HTTP/9\r\n\r\nnonsense");
  broken.resume();
  await once(broken, "close");
  expect(await overHttp1(port)).toBe("HTTP/1.1 /one");
});

test("a port that is taken is told with the way out", async () => {
  const { port } = await start();
  const again = listenHttp({ host: "127.0.0.1", port, handler: answer });
  await expect(again).rejects.toBeInstanceOf(HomeplaneError);
  await expect(again).rejects.toMatchObject({
    code: "PortTaken",
    nextStep: expect.stringContaining("--port") as string,
  });
});

test("close ends idle connections of both protocols at once, without waiting for the grace time", async () => {
  const server = await start();
  const idle = connect({ host: "127.0.0.1", port: server.port });
  idle.write("GET /idle HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await once(idle, "data");
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await textOf(session.request({ ":path": "/two" }));
  const gone = Promise.all([once(idle, "close"), once(session, "close")]);
  await server.close(60_000);
  await gone;
});

test("close cuts what has not ended after the grace time", async () => {
  const server = await start((_, response) => void asHttp1(response).write("and so on"));
  const endless = connect({ host: "127.0.0.1", port: server.port });
  endless.write("GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await once(endless, "data");
  endless.resume();
  const cut = once(endless, "close");
  await server.close(20);
  await cut;
});
