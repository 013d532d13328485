/**
 * The data plane's end of the tunnel: it keeps a few connections to the control plane open, each dialled from here, and serves on them what the
 * control plane asks for. Each connection is a loop of its own: dial, serve until it ends, wait with backoff, dial again.
 */
import { type Backoff, backoffMs, Http2Link, messageOf, pause, type Service } from "@homeplane/runtime-kit";
import { serve, type ServeOptions } from "./connection.ts";
import { dial } from "./dial.ts";
import type { TunnelServiceOptions } from "./options.ts";
import { Outage } from "./outage.ts";

const defaults = { connections: 4, drainMs: 30_000, pingMs: 1_000, deadMs: 3_000 } as const;
/** Inside a cluster an answer takes below a millisecond: more would only be memory of stalled streams. */
const upstreamWindowBytes = 1 << 20;
const redial: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };

export interface TunnelService extends Service {
  /** Connections that are up, of how many, and why the last one ended or did not come up. */
  state(): { readonly up: number; readonly wanted: number; readonly problem?: string };
}

export function createTunnelService(options: TunnelServiceOptions): TunnelService {
  const settings = { ...defaults, ...options };
  const { clock, random, log, connections, cluster } = settings;
  const links = new Map(
    [...options.services.values()].map(
      ({ url, ca }) => [url, new Http2Link({ ...settings, url, ca, streamWindowBytes: upstreamWindowBytes })] as const,
    ),
  );
  const serveOptions: ServeOptions = { ...settings, links };
  const outage = new Outage(options);
  let up = 0;
  let problem: string | undefined;

  /** True when it was up. */
  async function connectOnce(signal: AbortSignal): Promise<boolean> {
    let socket: Awaited<ReturnType<typeof dial>>;
    try {
      socket = await dial(options, signal);
    } catch (error) {
      if (signal.aborted) return false;
      problem = messageOf(error);
      return false;
    }
    up++;
    problem = undefined;
    outage.over();
    log.info({ event: "tunnel.up", cluster, connections: up });
    const reason = await serve(serveOptions, socket, signal);
    up--;
    problem = reason;
    log.info({ event: "tunnel.down", cluster, connections: up, reason });
    return true;
  }

  async function keepConnected(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const begun = clock.now();
      const wasUp = await connectOnce(signal);
      if (signal.aborted) return;
      // One that ends at once, again and again, is dialled ever more rarely too.
      if (wasUp && clock.now() - begun > redial.maxMs) failures = 0;
      const delay = backoffMs(redial, failures++, random);
      if (!wasUp) outage.failed({ failures, delay, error: problem });
      await pause(clock, delay, signal);
    }
  }

  return {
    name: "tunnel-service",
    state: () => ({ up, wanted: connections, ...(problem === undefined ? {} : { problem }) }),
    run: async (signal) => {
      await Promise.all(Array.from({ length: connections }, () => keepConnected(signal)));
      for (const link of links.values()) link.close();
    },
  };
}
