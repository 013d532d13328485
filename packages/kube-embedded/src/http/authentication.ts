import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { ADMINS } from "../api/access-reviews.ts";

/** As the groups of a certificate: its organizations (https://kubernetes.io/docs/reference/access-authn-authz/authentication/). */
export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

const AUTHENTICATED = "system:authenticated";
const texts = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Who asks: the common name of a client certificate of our CA, or the holder of the token; undefined = nobody we know.
 * The certificate itself must be there, whatever `authorized` says: for a resumed session that is the TLS library's memory.
 */
export function authenticate(request: IncomingMessage, token: string | undefined): Identity | undefined {
  const { socket } = request;
  if (socket instanceof TLSSocket && socket.authorized) {
    const { CN, O } = socket.getPeerCertificate().subject ?? {};
    const [common] = texts(CN);
    if (common !== undefined && common !== "") return { user: common, groups: [...texts(O), AUTHENTICATED] };
  }
  const header = request.headers.authorization ?? "";
  const given = /^Bearer (\S+)$/i.exec(header)?.[1];
  // Digests have one length: the comparison's time says nothing about the token.
  if (token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token)))
    return { user: "token", groups: [ADMINS, AUTHENTICATED] };
  return undefined;
}
