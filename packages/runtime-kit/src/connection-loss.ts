/** Tells a connection that broke, or was never there, from an answer of the other side. */
import { Code, ConnectError } from "@connectrpc/connect";

/** "unsent": the other side has not begun with it; "unknown": it may have done all of it. */
export type ConnectionLoss = "unsent" | "unknown";

/** What connect-node says of a stream that the other side, or the end of its connection, has reset. */
const reset = /^http\/2 stream closed with error code (\w+)/;
/** What it says of an answer that ends before its end. */
const cutShort = /^protocol error: (missing (status|output message|EndStreamResponse)|promised \d+ bytes, received)/;
const unsentResets: ReadonlySet<string> = new Set(["REFUSED_STREAM"]);
/** From before the first byte. */
const unsentCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
]);

/** `undefined` when the error is the other side's word. A call that was given up by its caller is to be looked at before. */
export function connectionLoss(error: unknown): ConnectionLoss | undefined {
  if (!(error instanceof ConnectError)) return nodeLoss(error);
  const fromNode = nodeLoss(error.cause);
  if (fromNode !== undefined) return fromNode;
  if (cutShort.test(error.rawMessage) && error.code !== Code.Unimplemented) return "unknown";
  const code = reset.exec(error.rawMessage)?.[1];
  if (code === undefined) return undefined;
  return unsentResets.has(code) ? "unsent" : "unknown";
}

function nodeLoss(error: unknown): ConnectionLoss | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  if (unsentCodes.has(error.code)) return "unsent";
  return /^(E[A-Z]+|ERR_(HTTP2|STREAM|SSL|TLS)_\w+|CERT_\w+|\w+_(CERT|SIGNATURE|CERTIFICATE)\w*)$/.test(error.code)
    ? "unknown"
    : undefined;
}
