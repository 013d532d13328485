import { systemClock, type Clock } from "@homeplane/runtime-kit";
import { Pool } from "undici";
import type { ClusterConfig } from "./cluster-config.ts";
import { type Credentials, credentialsOf } from "./credentials.ts";
import { markNotSent } from "./not-sent.ts";
import { NotSentError, type Transport, type TransportRequest, type TransportResponse } from "./transport.ts";

/** Calls that wait for one of these are bounded by their own deadline. */
const UNARY_CONNECTIONS = 64;

/** Below the 90 s after which kube-apiserver closes an idle connection: a request never meets a closing one. */
const KEEP_ALIVE_MS = 30_000;

const CONNECT_TIMEOUT_MS = 10_000;

/** Only a backstop: the client's deadlines are shorter. */
const HEADERS_TIMEOUT_MS = 120_000;

interface Pools {
  readonly certificate: string | undefined;
  readonly unary: Pool;
  /** Of their own, so that watches and log follows, however many, never keep a write waiting. */
  readonly streams: Pool;
}

/**
 * HTTP/1.1 over pools of kept connections. No timeout on bodies: a watch and a log follow live long, and the client watches
 * over silence. `clock` decides when tokens are read again.
 */
export function httpTransport(config: ClusterConfig, clock: Clock = systemClock): Transport {
  const url = new URL(config.server);
  const prefix = url.pathname.replace(/\/+$/, "");
  const credentialSource = credentialsOf(config, clock);
  let pools: Pools | undefined;
  let closed = false;

  /** A plug-in may hand out a new client certificate: connections made with the old one are then let go. */
  const poolsFor = (credentials: Credentials): Pools => {
    if (pools?.certificate === credentials.certificate && pools !== undefined) return pools;
    const old = pools;
    pools = openPools(url.origin, config, credentials);
    if (old !== undefined) {
      void Promise.allSettled([old.unary.close(), old.streams.close()]);
    }
    return pools;
  };

  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      if (closed) throw new NotSentError("the transport is closed");
      const credentials = await credentialSource.current();
      const { unary, streams } = poolsFor(credentials);
      const pool = isStream(request.path) ? streams : unary;
      const { token } = credentials;
      const answer = await markNotSent(pool).request({
        method: request.method,
        path: prefix + request.path,
        headers: token === undefined ? request.headers : { ...request.headers, authorization: `Bearer ${token}` },
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
        ...(pool === streams ? { headersTimeout: 0 } : {}),
      });
      if (answer.statusCode === 401) credentialSource.invalidate();
      return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body };
    },
    async close(): Promise<void> {
      closed = true;
      if (pools === undefined) return;
      await Promise.all([pools.unary.destroy(), pools.streams.destroy()]);
    },
  };
}

const isStream = (path: string): boolean => /[?&](watch|follow)=(true|1)(&|$)/.test(path);

function openPools(origin: string, config: ClusterConfig, credentials: Credentials): Pools {
  const options = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      rejectUnauthorized: config.insecureSkipVerify !== true,
      ...(config.ca === undefined ? {} : { ca: config.ca }),
      ...(config.serverName === undefined ? {} : { servername: config.serverName }),
      ...(credentials.certificate === undefined ? {} : { cert: credentials.certificate }),
      ...(credentials.key === undefined ? {} : { key: credentials.key }),
    },
  };
  return {
    certificate: credentials.certificate,
    unary: new Pool(origin, { ...options, connections: UNARY_CONNECTIONS }),
    streams: new Pool(origin, options),
  };
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value] as const],
  );
  return Object.fromEntries(entries);
}
