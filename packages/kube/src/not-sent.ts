import type { Dispatcher } from "undici";
import { NotSentError } from "./transport.ts";

type Handler = Dispatcher.DispatchHandler;

/** Turns a failure before the first byte went out on a connection into a {@link NotSentError}: only undici's dispatch knows. */
export function markNotSent(dispatcher: Dispatcher): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => dispatch(options, watching(handler)));
}

function watching(handler: Handler): Handler {
  let started = false;
  return {
    onRequestStart(controller, context) {
      started = true;
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError(controller, error) {
      handler.onResponseError?.(controller, started ? error : new NotSentError(error.message, { cause: error }));
    },
  };
}
