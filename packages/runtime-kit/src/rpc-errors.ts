import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { messageOf } from "./error.ts";
import type { Logger } from "./log.ts";
import { isMalformed, malformed } from "./malformed.ts";

/**
 * One converter at the boundary: what a handler throws becomes a ConnectError. What nobody expected is INTERNAL (the client retries
 * that; UNKNOWN would start a login) and is logged with its cause; the client gets the request's id to quote. `known` converts what only this server
 * knows.
 */
export function rpcErrors(
  log: Logger,
  known: (error: unknown) => ConnectError | undefined = () => undefined,
): Interceptor {
  return (next) => async (request) => {
    const convert = (error: unknown): ConnectError => {
      if (isMalformed(error)) return malformed(error);
      if (error instanceof ConnectError && error.code !== Code.Unknown) return error;
      const answer = known(error);
      if (answer !== undefined) return answer;
      const requestId = request.header.get("x-request-id") ?? "";
      log.error({
        event: "rpc.failed",
        method: `${request.service.typeName}/${request.method.name}`,
        requestId,
        err: error,
      });
      return new ConnectError(
        `internal error (${messageOf(error)}); request id ${requestId}`,
        Code.Internal,
        undefined,
        undefined,
        error,
      );
    };
    try {
      const response = await next(request);
      if (!response.stream) return response;
      // A stream fails later, when its messages are read.
      return { ...response, message: converted(response.message, convert) };
    } catch (error) {
      throw convert(error);
    }
  };
}

async function* converted<T>(messages: AsyncIterable<T>, convert: (error: unknown) => ConnectError): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw convert(error);
  }
}
