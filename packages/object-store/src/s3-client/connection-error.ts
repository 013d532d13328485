import { messageOf } from "@homeplane/runtime-kit";
import { ObjectStoreError } from "../error.ts";

/** OpenSSL's and Node's words for a certificate that is not believed. */
const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;

/** Failures before the request was on its way: whatever was asked has not been done. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** What the transport threw, in the port's words. `what` names the call and the address. */
export function connectionError(operation: string, what: string, cause: unknown): ObjectStoreError {
  if (cause instanceof ObjectStoreError) return cause;
  const code = codeOf(cause);
  const untrusted = CERTIFICATE.test(code);
  const said = messageOf(cause) || code;
  const message = untrusted
    ? `${what}: the certificate is not trusted (${said}); name its authority in the CA file`
    : `${what}: no answer (${code === "" || said.includes(code) ? said : `${said}, ${code}`})`;
  return new ObjectStoreError(untrusted ? "Untrusted" : "Unavailable", message, { cause, call: { operation } });
}

export function wasNotSent(error: unknown): boolean {
  return NOT_SENT.has(codeOf(error)) || CERTIFICATE.test(codeOf(error));
}

/** An attempt at several addresses fails with an `AggregateError`, whose code is that of the first. */
function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === "string" ? code : codeOf(cause);
}
