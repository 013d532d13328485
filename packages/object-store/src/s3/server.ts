/** The embedded S3 server: path style, one set of credentials, in front of any `ObjectStore`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock, Logger } from "@homeplane/runtime-kit";
import type { ObjectStore } from "../port.ts";
import { createVerifier, type VerifierOptions } from "../sigv4/verify.ts";
import { createHandler } from "./handler.ts";
import { MultipartArea } from "./multipart-area.ts";

const HEADERS_TIMEOUT_MS = 30_000;
/** A whole request: 5 GiB at 1.5 MB/s. */
const REQUEST_TIMEOUT_MS = 60 * 60 * 1000;
/** Nothing moved in either direction. */
const IDLE_TIMEOUT_MS = 5 * 60 * 1000;
/** Longer than clients keep idle connections in their pools, so that it is they who close. */
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 2048;
/** How long requests in flight may take to end when the server closes. */
const CLOSE_GRACE_MS = 2000;

export interface S3ServerOptions {
  readonly store: ObjectStore;
  /** The buckets that the store has: it is their list for ListBuckets and HeadBucket. */
  readonly buckets: readonly string[];
  /** The folder for uploads in parts; it belongs to this server alone. */
  readonly multipartRoot: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** With a session token: good are only requests that carry it. */
  readonly credentials: VerifierOptions["credentials"];
  /** Default `us-east-1`; requests signed for another are refused. */
  readonly region?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface S3Server {
  readonly url: string;
  readonly port: number;
  /** Ends requests in flight after 2 s; resolves when all connections are closed. */
  close(): Promise<void>;
}

export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const { store, buckets, credentials, region = "us-east-1", clock, log } = options;
  const multipart = await MultipartArea.open(options.multipartRoot, clock);
  const verify = createVerifier({ region, credentials, clock });
  const closing = new AbortController();
  const handle = createHandler({ store, multipart, buckets, region, verify, clock, log, closing: closing.signal });

  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.on("request", (message, response) => void handle(message, response));
  server.on("checkContinue", (message, response) => void handle(message, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => log.error({ event: "s3.server", err: error }));

  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= new Promise((resolve) => {
      const cancel = clock.after(CLOSE_GRACE_MS, () => {
        closing.abort(new Error("the server is closing"));
        server.closeAllConnections();
      });
      server.close(() => {
        cancel();
        resolve();
      });
      server.closeIdleConnections();
    }));
  return { url: `http://${host}:${port}`, port, close };
}
