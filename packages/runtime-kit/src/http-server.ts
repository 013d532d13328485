/**
 * One port for HTTP/1.1 and HTTP/2 in plain text (h2c with prior knowledge): the first bytes of a connection tell. An HTTP/2 client
 * starts with the preface "PRI * HTTP/2.0" (RFC 9113, 3.4), which no HTTP/1.1 request can be.
 */
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { HomeplaneError } from "./error.ts";
import { isLoopback, loopbackOnly } from "./loopback-guard.ts";

export type HttpHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Stops taking connections, gives those under way `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/** A connection that says nothing, or does not end its headers, is closed after this. */
const headersTimeoutMs = 30_000;
/** A stalled stream must not hold up the others of its connection. */
const streamWindowBytes = 8 << 20;

export interface ListenHttpOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly handler: HttpHandler;
  /** How long a connection may take for its first bytes; default 30 s. */
  readonly firstByteTimeoutMs?: number;
}

/** Fails with code PortTaken when somebody listens there. */
export async function listenHttp(options: ListenHttpOptions): Promise<HttpServer> {
  const { host, firstByteTimeoutMs = headersTimeoutMs } = options;
  // Nothing on loopback asks who calls; elsewhere authentication does, and names are not known here.
  const handler = isLoopback(host) ? loopbackOnly(options.handler) : options.handler;
  const http1 = createHttp1({ requestTimeout: 0, headersTimeout: headersTimeoutMs, keepAliveTimeout: 75_000 }, handler);
  const http2 = createHttp2({ settings: { initialWindowSize: streamWindowBytes } }, handler);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    session.setLocalWindowSize(streamWindowBytes * 2);
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A peer that vanishes is no fault of ours; the request's own handler sees its stream end.
    socket.on("error", () => socket.destroy());
    sniff(socket, firstByteTimeoutMs, (kind) => (kind === "http2" ? http2 : http1).emit("connection", socket));
  });
  await listen(listener, host, options.port);
  // Node starts the checks of the headers' timeout, and the list of idle connections, when a server listens; this one only
  // gets its connections from us, so it is told.
  http1.emit("listening");
  return {
    host,
    port: (listener.address() as AddressInfo).port,
    async close(graceMs = 2_000) {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      // Ends the checks begun above, and closes what is idle; a session closes when its last stream has ended.
      http1.close();
      http1.closeIdleConnections();
      for (const session of sessions) session.close();
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** An HTTP/2 client's first bytes; of HTTP/1.1's methods only PROPFIND and PROPPATCH share two of them. */
const preface = Buffer.from("PRI");

/** Reads just as many bytes as tell the protocols apart, and puts them back. A peer that says nothing is closed. */
function sniff(socket: Socket, timeoutMs: number, decided: (kind: "http1" | "http2") => void): void {
  let first = Buffer.alloc(0);
  const slow = setTimeout(() => socket.destroy(), timeoutMs);
  socket.on("close", () => clearTimeout(slow));
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    first = Buffer.concat([first, chunk]);
    const length = Math.min(first.length, preface.length);
    const same = first.subarray(0, length).equals(preface.subarray(0, length));
    if (same && length < preface.length) return;
    clearTimeout(slow);
    socket.off("readable", onReadable);
    socket.off("end", onEnd);
    socket.unshift(first);
    decided(same ? "http2" : "http1");
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on("readable", onReadable);
  socket.on("end", onEnd);
}

function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const next = "stop the program that listens there (`ss -ltnp` shows it), or choose another port with --port";
      reject(new HomeplaneError("PortTaken", `port ${port} on ${host} is taken`, next, { cause: error }));
    });
    server.listen({ host, port }, () => resolve());
  });
}
