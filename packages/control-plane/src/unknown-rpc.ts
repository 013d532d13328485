/**
 * What has the form of an RPC and is none of ours: UNIMPLEMENTED in the caller's protocol. Otherwise it would get the console's answer, which clients
 * take for UNKNOWN, and UNKNOWN starts a login in the SDK.
 */
import { type Fallback, refuseRpc } from "./refuse-rpc.ts";

const rpcPath = /^\/[\w.]{1,255}\.\w{1,255}\/\w{1,255}$/;

/** `fallback` answers what is no RPC: the console. */
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
    const message = `${request.url?.slice(1)} is not served here`;
    refuseRpc(request, response, { code: "unimplemented", httpStatus: 501, grpcStatus: 12, message });
  };
}
