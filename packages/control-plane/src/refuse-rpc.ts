/** An RPC that is refused before it is read, in the caller's own protocol: another answer would be taken for UNKNOWN, and the SDK logs in then. */
import type { connectNodeAdapter } from "@connectrpc/connect-node";

/** Answers one request. */
export type Fallback = NonNullable<Parameters<typeof connectNodeAdapter>[0]["fallback"]>;

export interface Refusal {
  /** Connect's name of the code. */
  readonly code: string;
  /** https://connectrpc.com/docs/protocol#http-to-error-code */
  readonly httpStatus: number;
  readonly grpcStatus: number;
  readonly message: string;
}

/** The body is not read: a caller that goes on sending is hung up on. */
export function refuseRpc(...[request, response, refusal]: [...Parameters<Fallback>, Refusal]): void {
  const { code, httpStatus, grpcStatus, message } = refusal;
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("application/grpc")) {
    response.statusCode = 200;
    response.setHeader("content-type", type);
    response.setHeader("grpc-status", String(grpcStatus));
    response.setHeader("grpc-message", encodeURIComponent(message));
    response.end();
    return;
  }
  const error = { code, message };
  const isStream = type.startsWith("application/connect+");
  const body = isStream ? endOfStream({ error }) : Buffer.from(JSON.stringify(error));
  response.statusCode = isStream ? 200 : httpStatus;
  response.setHeader("content-type", isStream ? type : "application/json");
  response.setHeader("content-length", body.length);
  response.end(body);
}

/** Connect's last message of a stream: flag 2, length, JSON. */
function endOfStream(end: object): Buffer {
  const json = Buffer.from(JSON.stringify(end));
  const head = Buffer.alloc(5);
  head.writeUInt8(2, 0);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}
