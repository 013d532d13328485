/**
 * One port for HTTP/1.1 and HTTP/2 in plain text (h2c with prior knowledge): the first bytes of a connection tell. An HTTP/2 client
 * starts with the preface "PRI * HTTP/2.0" (RFC 9113, 3.4), which no HTTP/1.1 request can be.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { headersTimeoutMs, type HttpHandler, httpProtocols } from "./http-protocols.ts";
import { listenOn } from "./listen-on.ts";
import { isLoopback, loopbackOnly } from "./loopback-guard.ts";

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Stops taking connections, gives those under way `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

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
  const protocols = httpProtocols(handler);
  const listener = createServer({ noDelay: true }, (socket) => {
    protocols.track(socket);
    // A peer that vanishes is no fault of ours; the request's own handler sees its stream end.
    socket.on("error", () => socket.destroy());
    sniff(socket, firstByteTimeoutMs, (protocol) => protocols.take(socket, protocol));
  });
  await listenOn(listener, host, options.port);
  return {
    host,
    port: (listener.address() as AddressInfo).port,
    async close(graceMs = 2_000) {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      await protocols.close(graceMs, closed);
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
