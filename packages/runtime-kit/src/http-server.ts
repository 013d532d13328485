/**
 * One port for HTTP/1.1 and HTTP/2 in plain text (h2c with prior knowledge): the first bytes of a connection tell. An HTTP/2 client
 * starts with the preface "PRI * HTTP/2.0" (RFC 9113, 3.4), which no HTTP/1.1 request can be.
 */
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { HomeplaneError } from "./error.ts";

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

/** A connection that says nothing is closed after this. */
const firstByteTimeoutMs = 30_000;
/** A stalled stream must not hold up the others of its connection. */
const streamWindowBytes = 8 << 20;

/** `port` 0 = any free one. Fails with code PortTaken when somebody listens there. */
export async function listenHttp(options: { host: string; port: number; handler: HttpHandler }): Promise<HttpServer> {
  const { host, handler } = options;
  const http1 = createHttp1({ requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 75_000 }, handler);
  const http2 = createHttp2({ settings: { initialWindowSize: streamWindowBytes } }, handler);
  http2.on("session", (session) => session.setLocalWindowSize(streamWindowBytes * 2));
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A peer that vanishes is no fault of ours; the request's own handler sees its stream end.
    socket.on("error", () => socket.destroy());
    socket.setTimeout(firstByteTimeoutMs, () => socket.destroy());
    socket.once("readable", () => {
      const first = socket.read() as Buffer | null;
      if (first === null) {
        socket.destroy();
        return;
      }
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.unshift(first);
      // "PR" is enough: of HTTP/1.1's methods only PROPFIND and PROPPATCH share it, and neither is ours.
      const server = first[0] === 0x50 && first[1] === 0x52 ? http2 : http1;
      server.emit("connection", socket);
    });
  });
  await listen(listener, host, options.port);
  return {
    host,
    port: (listener.address() as AddressInfo).port,
    async close(graceMs = 2_000) {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      http1.closeIdleConnections();
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
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
