/** One handler behind HTTP/1.1 and HTTP/2, for sockets that somebody else has accepted. */
import { createServer as createHttp1, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { http2Settings, widen } from "./http2-settings.ts";
import { watchPeer } from "./peer-watch.ts";

export type HttpHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** A connection that does not end its headers is closed after this. */
export const headersTimeoutMs = 30_000;

export interface HttpProtocols {
  readonly http1: Server;
  /** A connection that is not decided yet; closing counts it. */
  track(socket: Socket): void;
  take(socket: Socket, protocol: "http1" | "http2"): void;
  /** Tells clients to make no more requests, closes idle connections, waits for the others and cuts them after `graceMs`. */
  close(graceMs: number, closed: Promise<void>): Promise<void>;
}

/** A client that is gone without a word holds its streams no longer; proxies forget silent connections later than this. */
const silence = { intervalMs: 10_000, deadMs: 30_000 } as const;

/** `clock`: for clients elsewhere, whose connections may break without a word. */
export function httpProtocols(handler: HttpHandler, clock?: Clock): HttpProtocols {
  const http1 = createHttp1({ requestTimeout: 0, headersTimeout: headersTimeoutMs, keepAliveTimeout: 75_000 }, handler);
  const http2 = createHttp2(http2Settings, handler);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    widen(session);
    if (clock !== undefined)
      session.once("connect", (_, socket) =>
        watchPeer(session, socket, { clock, ...silence, onDead: (error) => session.destroy(error) }),
      );
    session.on("error", () => undefined);
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  const sockets = new Set<Socket>();
  // Node starts the checks of the headers' timeout, and the list of idle connections, when a server listens; this one only
  // gets its connections from us, so it is told.
  http1.emit("listening");
  const track = (socket: Socket): void => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  };
  return {
    http1,
    track,
    take(socket, protocol) {
      track(socket);
      (protocol === "http2" ? http2 : http1).emit("connection", socket);
    },
    async close(graceMs, closed) {
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
