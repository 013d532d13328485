import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { type Logger, messageOf } from "@homeplane/runtime-kit";
import { ApiError } from "../api/api-error.ts";
import type { ApiServer } from "../api/api-server.ts";
import { MAX_OBJECT_BYTES } from "../api/body.ts";
import { jsonResponse } from "../api/response.ts";
import type { ApiResponse } from "../api/request.ts";
import { authenticate } from "./authentication.ts";
import { readBody } from "./read-body.ts";

/** PEM texts. `ca` signs the client certificates that are let in. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface KubeServerOptions {
  readonly apiServer: ApiServer;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tls: TlsMaterial;
  /** Lets in whoever sends it as a bearer token, beside holders of a client certificate. */
  readonly token?: string;
  readonly log: Logger;
}

export interface KubeServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 2_000;
const UNAUTHORIZED = new ApiError(401, "Unauthorized", "Unauthorized");

/** HTTPS in front of an {@link ApiServer}. Nobody gets in without a client certificate of our CA or the token. */
export async function startKubeServer(options: KubeServerOptions): Promise<KubeServer> {
  const { apiServer, host, port, tls, token, log } = options;
  const closing = new AbortController();
  const server = createServer({
    ...tls,
    requestCert: true,
    // Refused with a Status below, not in the handshake: clients show that text, and a token may stand in.
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("request", (request, response) => {
    serve(apiServer, token, closing.signal, request, response).catch((error: unknown) => {
      log.warn(
        { event: "kube.http.failed", method: request.method, path: request.url, error: messageOf(error) },
        "an answer was cut off",
      );
      response.destroy();
    });
  });
  server.on("tlsClientError", (error) =>
    log.debug({ event: "kube.tls.refused", error: error.message }, "a TLS handshake failed"),
  );
  await listen(server, host, port);
  const actual = (server.address() as AddressInfo).port;
  return {
    url: `https://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    port: actual,
    async close() {
      closing.abort();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = once(server, "listening");
  server.listen({ host, port });
  await listening;
}

async function serve(
  apiServer: ApiServer,
  token: string | undefined,
  closing: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const user = authenticate(request, token);
  if (user === undefined) return await send(response, jsonResponse(401, UNAUTHORIZED.toStatus()), closing);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, closing]);
  // Go clients take patches and logs of any size; an object is bounded, so its request may be twice that (JSON escapes).
  const body = await readBody(request, 2 * MAX_OBJECT_BYTES);
  if (body === "too-large") {
    const error = new ApiError(
      413,
      "RequestEntityTooLarge",
      `Request entity too large: limit is ${MAX_OBJECT_BYTES} bytes`,
    );
    response.setHeader("connection", "close");
    return await send(response, jsonResponse(413, error.toStatus()), signal);
  }
  if (body === "aborted") return;
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
  const { method = "GET", url: path = "/" } = request;
  await send(response, await apiServer.handle({ method, path, headers, body, signal, ...user }), signal);
}

/** Writes at the reader's pace: a slow watcher stops the stream here, and the store's queue limit ends it. */
async function send(response: ServerResponse, answer: ApiResponse, signal: AbortSignal): Promise<void> {
  const { body } = answer;
  if (body instanceof Uint8Array) {
    response.writeHead(answer.status, { ...answer.headers, "content-length": String(body.length) });
    response.end(body);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  // A watch without events yet must still show its client that it stands.
  response.flushHeaders();
  for await (const chunk of body) {
    if (signal.aborted || response.destroyed) break;
    if (!response.write(chunk)) await drained(response, signal);
  }
  if (!response.destroyed) response.end();
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
