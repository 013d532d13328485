/** One of the tunnel's connections, from the dialled socket to its end. */
import { type Http2Session, performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { http2Settings, pause, watchPeer, widen } from "@homeplane/runtime-kit";
import type { TunnelServiceOptions } from "./options.ts";
import { type PassOptions, passStream } from "./pass-stream.ts";

export interface ServeOptions extends PassOptions {
  readonly clock: TunnelServiceOptions["clock"];
  readonly pingMs: number;
  readonly deadMs: number;
  readonly drainMs: number;
}

/** Calls under way on one connection: the control plane makes no more either. */
const tunnelSettings = {
  ...http2Settings,
  settings: { ...http2Settings.settings, maxConcurrentStreams: 250 },
};
/** After the first notice the other end may have sent calls that it had not seen it for. */
const noticeMs = 1_000;
/** No stream has a greater number: those under way when it arrives are all still served. */
const lastPossibleStream = 2 ** 31 - 1;

/** Serves until the connection ends; when `signal` aborts, drains it: what is under way ends, nothing new comes. Resolves with why it ended. */
export async function serve(options: ServeOptions, socket: Socket, signal: AbortSignal): Promise<string> {
  const { clock, pingMs, deadMs } = options;
  let reason = "closed by the control plane";
  const session = performServerHandshake(socket, tunnelSettings);
  widen(session);
  session.on("error", (error: Error) => {
    reason = error.message;
  });
  session.on("stream", (stream, headers) => void passStream(options, stream, headers));
  const end = (why: Error): void => {
    session.destroy(why);
    socket.destroy();
  };
  socket.once("close", () => session.destroy());
  watchPeer(session, socket, {
    clock,
    intervalMs: pingMs,
    deadMs,
    onDead: end,
  });
  const drain = (): void => void drained(options, session, end);
  signal.addEventListener("abort", drain, { once: true });
  if (signal.aborted) drain();
  await closed(session);
  signal.removeEventListener("abort", drain);
  return reason;
}

async function drained(
  { clock, drainMs }: ServeOptions,
  session: ServerHttp2Session,
  end: (why: Error) => void,
): Promise<void> {
  const cancel = clock.after(drainMs, () =>
    end(new Error(`calls were still under way ${drainMs / 1000} s after the stop`)),
  );
  session.once("close", cancel);
  session.goaway(0, lastPossibleStream);
  await pause(clock, Math.min(noticeMs, drainMs), closing(session));
  if (!session.destroyed) session.close();
}

function closing(session: Http2Session): AbortSignal {
  const controller = new AbortController();
  session.once("close", () => controller.abort());
  return controller.signal;
}

function closed(session: Http2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) resolve();
    session.once("close", () => resolve());
  });
}
