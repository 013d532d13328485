import type { Http2Session, SessionOptions } from "node:http2";

/** A stalled stream must not hold up the others of its connection, and a long line must not starve one. */
const streamWindowBytes = 8 << 20;
/** Node takes what arrives off the connection's window at once; only the line's length counts here. */
const connectionWindowBytes = streamWindowBytes * 4;
/** For every end of HTTP/2 of ours. */
export const http2Settings = {
  settings: { initialWindowSize: streamWindowBytes },
  // MiB of what waits to be sent, of all streams together; past it Node refuses new ones.
  maxSessionMemory: 512,
} as const satisfies SessionOptions;

export function widen(session: Pick<Http2Session, "setLocalWindowSize">): void {
  session.setLocalWindowSize(connectionWindowBytes);
}
