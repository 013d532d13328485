/** HTTP/1.1 over kept connections, with a trust that may change. Says nothing of S3. */
import { createSecureContext } from "node:tls";
import type { Clock } from "@homeplane/runtime-kit";
import { Agent, type Dispatcher, EnvHttpProxyAgent } from "undici";
import { readAll } from "../body.ts";
import type { ObjectBody } from "../port.ts";
import { Trust } from "./trust.ts";

/** To one store, at a time. More calls wait for a connection, each bounded by its own deadline. */
const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 10_000;
/** Below the idle time after which stores close (S3 5 to 20 s, MinIO 30 s): a request then seldom meets a closing one. */
const KEEP_ALIVE_MS = 4_000;
/** A body from which nothing has come for that long is dead. */
const SILENCE_MS = 60_000;

export interface HttpRequest {
  readonly method: string;
  /** `http(s)://host[:port]`. */
  readonly origin: string;
  /** With its query, sent as it is: a key may have `..` in it. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** From sending to the answer's head. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to its end or left by `break`. */
  readonly body: ObjectBody;
  readonly text: () => Promise<string>;
  /** Gives the body up, and its connection with it. */
  readonly leave: () => void;
  /** Reads what little is left, so that the connection can be used again. */
  readonly discard: () => Promise<void>;
}

export interface HttpClient {
  exchange(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** A proxy on the way out of the cluster, as `HTTPS_PROXY` and `NO_PROXY` have it: for https alone. */
export interface OutboundProxy {
  readonly url: string;
  /** Hosts that are reached without it, with commas between. */
  readonly except: string;
}

export interface HttpClientOptions {
  readonly caFile?: string | undefined;
  readonly proxy?: OutboundProxy | undefined;
  readonly clock: Pick<Clock, "now">;
}

/** More than any answer that is not an object: 1000 keys of 1024 bytes, each escaped. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

export function createHttpClient({ caFile, proxy, clock }: HttpClientOptions): HttpClient {
  const trust = new Trust(caFile, clock);
  let agent: { readonly ca: readonly string[] | undefined; readonly dispatcher: Dispatcher } | undefined;
  let closed = false;

  function dispatcher(): Dispatcher {
    if (closed) throw new Error("the store's client is closed");
    const ca = trust.current();
    if (agent !== undefined && agent.ca === ca) return agent.dispatcher;
    // What runs on the old one may end there.
    void agent?.dispatcher.close().catch(() => undefined);
    agent = { ca, dispatcher: openAgent(ca, proxy) };
    return agent.dispatcher;
  }

  return {
    async exchange({ method, origin, path, headers, body, timeoutMs, signal }) {
      const answer = await dispatcher().request({
        method,
        origin,
        path,
        headers,
        body: body ?? null,
        signal,
        headersTimeout: timeoutMs,
      });
      // An error before anyone reads is the reader's, not the process's.
      answer.body.on("error", () => undefined);
      return {
        status: answer.statusCode,
        headers: flat(answer.headers),
        body: answer.body,
        text: async () => new TextDecoder().decode(await readAll(answer.body, MAX_TEXT_BYTES)),
        leave: () => void answer.body.destroy(),
        discard: () => answer.body.dump({ limit: MAX_TEXT_BYTES, signal }),
      };
    },
    async close() {
      closed = true;
      await agent?.dispatcher.destroy();
    },
  };
}

function openAgent(ca: readonly string[] | undefined, proxy: OutboundProxy | undefined): Dispatcher {
  // Made once: of each connection's own, the public roots alone would take 20 ms and a megabyte.
  const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...(ca !== undefined && { ca: [...ca] }) });
  const tls = { secureContext };
  const options = {
    connections: CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    bodyTimeout: SILENCE_MS,
    allowH2: false,
    connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
  };
  if (proxy === undefined) return new Agent(options);
  // What is left out here would be taken from the process's environment.
  const via = { httpProxy: "", httpsProxy: proxy.url, noProxy: proxy.except };
  return new EnvHttpProxyAgent({ ...options, requestTls: tls, proxyTls: tls, ...via });
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value] as const],
  );
  return Object.fromEntries(entries);
}
