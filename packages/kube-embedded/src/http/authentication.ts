import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Who asks: the common name of a client certificate of our CA, or the holder of the token; undefined = nobody we know.
 * The certificate itself must be there, whatever `authorized` says: for a resumed session that is the TLS library's memory.
 */
export function authenticate(request: IncomingMessage, token: string | undefined): string | undefined {
  const { socket } = request;
  if (socket instanceof TLSSocket && socket.authorized) {
    const name = socket.getPeerCertificate().subject?.CN;
    const common = Array.isArray(name) ? name[0] : name;
    if (common !== undefined && common !== "") return common;
  }
  const header = request.headers.authorization ?? "";
  const given = /^Bearer (\S+)$/i.exec(header)?.[1];
  // Digests have one length: the comparison's time says nothing about the token.
  if (token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token))) return "token";
  return undefined;
}
