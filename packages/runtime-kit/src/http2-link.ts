/**
 * One HTTP/2 connection to a server of ours: dialled when a call needs it, and again when it has died. One dial at a time, and after one that failed
 * the next waits with backoff, whoever asks: a server that is away is not flooded, and those who ask are told at once.
 */
import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from "node:http2";
import { type Backoff, backoffMs } from "./backoff.ts";
import type { Clock, Random } from "./clock.ts";
import { http2Settings, widen } from "./http2-settings.ts";
import { watchPeer } from "./peer-watch.ts";

export interface Http2LinkOptions {
  /** `https://host:port` */
  readonly url: string;
  /** What the server's certificate is checked against, PEM; absent: the public roots. Asked for each new connection. */
  readonly ca: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  /** What one stalled stream of an answer may hold here; over a long line it bounds its speed. Default 8 MiB. */
  readonly streamWindowBytes?: number;
  readonly connectTimeoutMs?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "dialling"; readonly made: Promise<ClientHttp2Session> }
  | { readonly kind: "up"; readonly session: ClientHttp2Session }
  | { readonly kind: "resting"; readonly until: number; readonly error: Error };

const redial: Backoff = { baseMs: 250, maxMs: 5_000, jitter: "full" };

export class Http2Link {
  readonly #options: Required<Http2LinkOptions>;
  #state: State = { kind: "idle" };
  #failures = 0;
  #closed = false;

  constructor(options: Http2LinkOptions) {
    this.#options = { connectTimeoutMs: 5_000, pingMs: 1_000, deadMs: 3_000, streamWindowBytes: 8 << 20, ...options };
  }

  /** Why the last dial failed, while no connection is up. */
  get problem(): string | undefined {
    return this.#state.kind === "resting" ? this.#state.error.message : undefined;
  }

  /** A connection that takes calls; rejects with why there is none. */
  async session(): Promise<ClientHttp2Session> {
    const state = this.#state;
    if (state.kind === "dialling") return state.made;
    if (state.kind === "up" && !state.session.closed && !state.session.destroyed) return state.session;
    if (state.kind === "resting" && this.#options.clock.now() < state.until) throw state.error;
    if (this.#closed) throw new Error(`the connection to ${this.#options.url} is closed`);
    const made = this.#dial();
    this.#state = { kind: "dialling", made };
    return made;
  }

  close(): void {
    this.#closed = true;
    if (this.#state.kind === "up") this.#state.session.close();
    if (this.#state.kind === "dialling")
      this.#state.made.then(
        (session) => session.close(),
        () => undefined,
      );
  }

  async #dial(): Promise<ClientHttp2Session> {
    const { clock, random, url } = this.#options;
    try {
      const session = await this.#connect();
      this.#failures = 0;
      this.#state = { kind: "up", session };
      return session;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(`${url} can not be reached`, { cause });
      const rest = backoffMs(redial, this.#failures++, random);
      this.#state = { kind: "resting", until: clock.now() + rest, error };
      throw error;
    }
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { url, clock, connectTimeoutMs, pingMs, deadMs } = this.#options;
    const ca = await this.#options.ca();
    const settings = { initialWindowSize: this.#options.streamWindowBytes, enablePush: false };
    const options: SecureClientSessionOptions = { ...http2Settings, settings, minVersion: "TLSv1.2" };
    const session = connect(url, ca === undefined ? options : { ...options, ca });
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.after(connectTimeoutMs, () =>
        session.destroy(notReached(`no connection within ${connectTimeoutMs / 1000} s`)),
      );
      // For the session's whole life: without it an error would end the process.
      session.on("error", (error) => {
        cancel();
        reject(error);
      });
      session.once("close", () => {
        cancel();
        reject(notReached("the other end closed the connection"));
      });
      session.once("connect", (_, socket) => {
        cancel();
        widen(session);
        const onDead = (error: Error): void => session.destroy(error);
        watchPeer(session, socket, { clock, intervalMs: pingMs, deadMs, onDead });
        resolve();
      });
    });
    return session;
  }
}

/** With the code that says that nothing was sent. */
function notReached(message: string): Error {
  return Object.assign(new Error(message), { code: "ECONNREFUSED" });
}
