import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Logger, messageOf } from "@homeplane/runtime-kit";

/**
 * One converter at the boundary: what a handler throws becomes a ConnectError. What nobody expected is INTERNAL (the client retries
 * that; UNKNOWN would start a login) and is logged with its cause; the client gets the request's id to quote.
 */
export function rpcErrors(log: Logger): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      if (error instanceof ConnectError && error.code !== Code.Unknown) throw error;
      const requestId = request.header.get("x-request-id") ?? "";
      log.error({
        event: "rpc.failed",
        method: `${request.service.typeName}/${request.method.name}`,
        requestId,
        err: error,
      });
      throw new ConnectError(
        `internal error (${messageOf(error)}); request id ${requestId}`,
        Code.Internal,
        undefined,
        undefined,
        error,
      );
    }
  };
}
