/** One port with TLS (1.2 or newer) for HTTP/1.1 and HTTP/2, chosen by ALPN. The certificate is read again when its files change. */
import type { IncomingMessage } from "node:http";
import { type AddressInfo, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { Clock } from "./clock.ts";
import { messageOf } from "./error.ts";
import { type HttpHandler, httpProtocols } from "./http-protocols.ts";
import type { HttpServer } from "./http-server.ts";
import { listenOn } from "./listen-on.ts";
import type { Logger } from "./log.ts";
import { watchedFile } from "./watched-file.ts";

const handshakeTimeoutMs = 10_000;
const lookForRenewalMs = 10_000;

export interface ListenTlsOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly handler: HttpHandler;
  /** HTTP/1.1 requests that ask for another protocol; without it they are answered as any other. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  readonly certFile: string;
  readonly keyFile: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface TlsServer extends HttpServer {
  /** What clients will not accept of the certificate; `undefined` when there is nothing. */
  problem(): string | undefined;
}

export async function listenTls(options: ListenTlsOptions): Promise<TlsServer> {
  const { host, port, handler, upgrade, certFile, keyFile, clock, log } = options;
  const file = (path: string, what: string): (() => Promise<string>) =>
    watchedFile({ path, what, parse: (text) => text, clock, log });
  const readCert = file(certFile, "the TLS certificate");
  const readKey = file(keyFile, "the TLS key");
  let cert = await readCert();
  let key = await readKey();
  const protocols = httpProtocols(handler, clock);
  if (upgrade !== undefined) {
    protocols.http1.on("upgrade", (request, socket, head) => upgrade(request, socket as Socket, head));
  }
  const server = createServer({
    cert,
    key,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: handshakeTimeoutMs,
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    // A peer that vanishes is no fault of ours; the request's own handler sees its stream end.
    socket.on("error", () => socket.destroy());
    socket.setNoDelay(true);
    protocols.take(socket, socket.alpnProtocol === "h2" ? "http2" : "http1");
  });
  server.on("tlsClientError", (error, socket) => {
    log.debug({ event: "tls.refused", peer: socket.remoteAddress, error: error.message });
    socket.destroy();
  });
  await listenOn(server, host, port);
  const renew = async (): Promise<void> => {
    try {
      const [nextCert, nextKey] = await Promise.all([readCert(), readKey()]);
      if (nextCert !== cert || nextKey !== key) {
        // Halves of two pairs while they are being replaced: refused here, and looked at again.
        server.setSecureContext({ cert: nextCert, key: nextKey, minVersion: "TLSv1.2" });
        [cert, key] = [nextCert, nextKey];
        log.info({ event: "tls.renewed", validTo: new X509Certificate(cert).validTo });
      }
    } catch (error) {
      log.error({ event: "tls.not_renewed", certFile, keyFile, error: messageOf(error) });
    }
    cancel = clock.after(lookForRenewalMs, () => void renew());
  };
  let cancel = clock.after(lookForRenewalMs, () => void renew());
  return {
    host,
    port: (server.address() as AddressInfo).port,
    problem: () => certificateProblem(cert, clock.now()),
    async close(graceMs = 2_000) {
      cancel();
      await protocols.close(graceMs, new Promise((resolve) => server.close(() => resolve())));
    },
  };
}

function certificateProblem(cert: string, now: number): string | undefined {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  if (now > validToDate.getTime()) return `the TLS certificate has expired on ${validToDate.toISOString()}: renew it`;
  if (now < validFromDate.getTime())
    return `the TLS certificate is not valid before ${validFromDate.toISOString()}: set the clock, or renew it`;
  return undefined;
}
