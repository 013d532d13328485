import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Logger, rpcErrors } from "@homeplane/runtime-kit";
import { StoreError, type StoreFailure } from "./store/store-error.ts";

const storeAnswers: Readonly<Record<StoreFailure, readonly [Code, string]>> = {
  full: [Code.ResourceExhausted, "free some space on the server's disk and call again"],
  "read-only": [Code.Unavailable, "make the server's data dir writable and call again"],
  busy: [Code.Unavailable, "call again"],
  unreadable: [Code.Unavailable, "look into the server's log"],
};

/** As {@link rpcErrors}, and knows what a store can not do. */
export function controlPlaneErrors(log: Logger): Interceptor {
  return rpcErrors(log, (error) => {
    if (!(error instanceof StoreError)) return undefined;
    log.error({ event: "store.failed", failure: error.failure, err: error });
    const [code, next] = storeAnswers[error.failure];
    return new ConnectError(`${error.message}: nothing was stored; ${next}`, code, undefined, undefined, error);
  });
}
