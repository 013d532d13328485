/**
 * Finds out that the other end of an HTTP/2 connection is gone. Both ends ping; a sign of life is any byte that arrives, so that a connection whose
 * answers wait behind a large transfer is not taken for dead.
 */
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";

export interface PeerWatchOptions {
  readonly clock: Clock;
  /** Between two pings. */
  readonly intervalMs: number;
  /** Nothing was heard for so long: the connection is dead. */
  readonly deadMs: number;
  /** The error is for the session's streams: without one they would end as if all was well. */
  readonly onDead: (error: Error) => void;
}

/** `socket` carries the session. Ends with the session. */
export function watchPeer(session: Http2Session, socket: Socket, options: PeerWatchOptions): void {
  const { clock, intervalMs, deadMs, onDead } = options;
  let heardBytes = socket.bytesRead;
  let heardAt = clock.now();
  let dueAt = clock.now() + intervalMs;
  const tick = (): void => {
    if (session.destroyed) return;
    const now = clock.now();
    // For as long as this process was held up itself it has not listened: what arrived meanwhile is read after this.
    heardAt = Math.min(now, heardAt + Math.max(0, now - dueAt));
    if (socket.bytesRead !== heardBytes) {
      heardBytes = socket.bytesRead;
      heardAt = now;
    }
    if (now - heardAt >= deadMs) {
      const message = `nothing heard for ${deadMs / 1000} s`;
      onDead(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
      return;
    }
    // False when many are unanswered; the silence tells enough.
    session.ping(() => undefined);
    dueAt = now + intervalMs;
    cancel = clock.after(intervalMs, tick);
  };
  let cancel = clock.after(intervalMs, tick);
  session.once("close", () => cancel());
}
