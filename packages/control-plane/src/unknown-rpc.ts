/**
 * What has the form of an RPC and is none of ours: UNIMPLEMENTED in the caller's protocol. Otherwise it would get the console's answer, which clients
 * take for UNKNOWN, and UNKNOWN starts a login in the SDK.
 */
import { Code } from "@connectrpc/connect";
import type { connectNodeAdapter } from "@connectrpc/connect-node";

/** Answers what is no RPC: the console. */
export type Fallback = NonNullable<Parameters<typeof connectNodeAdapter>[0]["fallback"]>;

const rpcPath = /^\/[\w.]{1,255}\.\w{1,255}\/\w{1,255}$/;

export function unknownRpc(fallback: Fallback): Fallback {
  return (request, response) => {
    const type = request.headers["content-type"] ?? "";
    const isRpc =
      request.method === "POST" &&
      rpcPath.test(request.url ?? "") &&
      /^application\/(grpc|connect|proto|json)/.test(type);
    if (!isRpc) {
      fallback(request, response);
      return;
    }
    // The body is not read: a caller that goes on sending is hung up on.
    const message = `${request.url?.slice(1)} is not served here`;
    if (type.startsWith("application/grpc")) {
      response.statusCode = 200;
      response.setHeader("content-type", type);
      response.setHeader("grpc-status", String(Code.Unimplemented));
      response.setHeader("grpc-message", encodeURIComponent(message));
      response.end();
      return;
    }
    const error = { code: "unimplemented", message };
    const isStream = type.startsWith("application/connect+");
    const body = isStream ? endOfStream({ error }) : Buffer.from(JSON.stringify(error));
    response.statusCode = isStream ? 200 : 501;
    response.setHeader("content-type", isStream ? type : "application/json");
    response.setHeader("content-length", body.length);
    response.end(body);
  };
}

/** Connect's last message of a stream: flag 2, length, JSON. */
function endOfStream(end: object): Buffer {
  const json = Buffer.from(JSON.stringify(end));
  const head = Buffer.alloc(5);
  head.writeUInt8(2, 0);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}
