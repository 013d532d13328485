/**
 * The control plane's ends of the tunnel: for each cluster the connections that its data plane has opened, each an HTTP/2 client session on a socket
 * that came in. A connection is here exactly while new calls may be made on it.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import type { Socket } from "node:net";
import { type Clock, http2Settings, type Logger, watchPeer, widen } from "@homeplane/runtime-kit";
import { Code, ConnectError } from "@connectrpc/connect";

export interface TunnelRegistryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a call waits for a tunnel to come up. */
  readonly waitMs?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
}

/** Calls are made as if to this address; the socket is there already. */
export const tunnelAuthority = "http://data-plane";

/** Calls under way on one connection: the data plane takes no more either. */
const maxStreams = 250;

interface Connection {
  readonly session: ClientHttp2Session;
  calls: number;
}

export class TunnelRegistry {
  readonly #options: Required<TunnelRegistryOptions>;
  readonly #connections = new Map<string, Set<Connection>>();
  /** Those that drain too. */
  readonly #sessions = new Set<ClientHttp2Session>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: TunnelRegistryOptions) {
    this.#options = { waitMs: 2_000, pingMs: 1_000, deadMs: 3_000, ...options };
  }

  connections(cluster: string): number {
    return this.#connections.get(cluster)?.size ?? 0;
  }

  /** Takes over a socket on which the data plane serves HTTP/2 from now on. */
  add(cluster: string, socket: Socket): void {
    const { clock, log, pingMs, deadMs } = this.#options;
    const session = connect(tunnelAuthority, { ...http2Settings, createConnection: () => socket });
    const connection: Connection = { session, calls: 0 };
    const ofCluster = this.#connections.get(cluster) ?? new Set();
    this.#connections.set(cluster, ofCluster);
    this.#sessions.add(session);
    let reason = "closed";
    const withdraw = (): void => {
      ofCluster.delete(connection);
    };
    // Not before the other end has shown that it serves.
    session.once("remoteSettings", () => {
      widen(session);
      ofCluster.add(connection);
      log.info({ event: "tunnel.up", cluster, connections: ofCluster.size });
      for (const wake of this.#waiting.get(cluster) ?? []) wake();
    });
    session.on("error", (error) => {
      reason = error.message;
    });
    // The data plane drains: what is under way here goes on, what is new goes elsewhere.
    session.once("goaway", withdraw);
    session.once("close", () => {
      withdraw();
      this.#sessions.delete(session);
      log.info({ event: "tunnel.down", cluster, connections: ofCluster.size, reason });
    });
    watchPeer(session, socket, {
      clock,
      intervalMs: pingMs,
      deadMs,
      onDead: (error) => {
        session.destroy(error);
        socket.destroy();
      },
    });
  }

  /** The connection with the fewest calls under way, counted as one more until `release`. UNAVAILABLE when there is none in time. */
  async take(cluster: string): Promise<{ session: ClientHttp2Session; release: () => void }> {
    const connection = this.#idlest(cluster) ?? (await this.#next(cluster));
    if (connection.calls >= maxStreams)
      throw new ConnectError(
        `too many calls to the data plane "${cluster}" are under way: call again`,
        Code.Unavailable,
      );
    connection.calls++;
    let released = false;
    return {
      session: connection.session,
      release: () => {
        if (!released) connection.calls--;
        released = true;
      },
    };
  }

  /** Gives the calls under way `graceMs`, then cuts. */
  async close(graceMs = 2_000): Promise<void> {
    const { clock } = this.#options;
    const all = [...this.#sessions];
    const closed = all.map((session) => new Promise<void>((resolve) => session.once("close", resolve)));
    for (const session of all) session.close();
    const cancel = clock.after(graceMs, () => {
      const error = Object.assign(new Error("the control plane stops"), { code: "ECONNABORTED" });
      for (const session of all) session.destroy(error);
    });
    await Promise.all(closed);
    cancel();
  }

  #idlest(cluster: string): Connection | undefined {
    let found: Connection | undefined;
    for (const connection of this.#connections.get(cluster) ?? []) {
      if (connection.session.closed || connection.session.destroyed) continue;
      if (found === undefined || connection.calls < found.calls) found = connection;
    }
    return found;
  }

  async #next(cluster: string): Promise<Connection> {
    const { clock, waitMs } = this.#options;
    const waiting = this.#waiting.get(cluster) ?? new Set();
    this.#waiting.set(cluster, waiting);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        waiting.delete(done);
        cancel();
        resolve();
      };
      const cancel = clock.after(waitMs, done);
      waiting.add(done);
    });
    const connection = this.#idlest(cluster);
    if (connection !== undefined) return connection;
    throw new ConnectError(
      `the data plane "${cluster}" is not connected: it has no tunnel to this control plane. What is stored here can still be read; call again when it is back`,
      Code.Unavailable,
    );
  }
}
