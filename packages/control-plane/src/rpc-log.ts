import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Logger, messageOf } from "@homeplane/runtime-kit";
import { isMalformed, malformed } from "./malformed.ts";
import { StoreError, type StoreFailure } from "./store/store-error.ts";

const storeAnswers: Readonly<Record<StoreFailure, readonly [Code, string]>> = {
  full: [Code.ResourceExhausted, "free some space on the server's disk and call again"],
  "read-only": [Code.Unavailable, "make the server's data dir writable and call again"],
  busy: [Code.Unavailable, "call again"],
  unreadable: [Code.Unavailable, "look into the server's log"],
};

/**
 * One converter at the boundary: what a handler throws becomes a ConnectError. What nobody expected is INTERNAL (the client retries
 * that; UNKNOWN would start a login) and is logged with its cause; the client gets the request's id to quote.
 */
export function rpcErrors(log: Logger): Interceptor {
  return (next) => async (request) => {
    const convert = (error: unknown): ConnectError => {
      if (isMalformed(error)) return malformed(error);
      if (error instanceof ConnectError && error.code !== Code.Unknown) return error;
      if (error instanceof StoreError) {
        log.error({ event: "store.failed", failure: error.failure, err: error });
        const [code, next] = storeAnswers[error.failure];
        return new ConnectError(`${error.message}: nothing was stored; ${next}`, code, undefined, undefined, error);
      }
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
