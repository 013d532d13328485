import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { LogService } from "@homeplane/idl/homeplane/v1/dataplane";
import { KubeError } from "@homeplane/kube";
import { messageOf, type Service } from "@homeplane/runtime-kit";
import { Archiver } from "./archiver.ts";
import { batches } from "./batch.ts";
import { contextOf, type LogProviderOptions } from "./options.ts";
import { PodSource } from "./pod-source.ts";
import { tail } from "./tail.ts";
import { targetOf } from "./target.ts";

/** `service` also works while `archiver` does not run, with more requests to the API. */
export function createLogProvider(options: LogProviderOptions): {
  readonly service: ServiceImpl<typeof LogService>;
  readonly archiver: Service;
  /** What keeps the archiver from working. */
  readonly problem: () => string | undefined;
} {
  const context = contextOf(options);
  const pods = new PodSource(context);
  return {
    archiver: new Archiver(context, pods),
    problem: () => (pods.informer.hasSynced ? undefined : "pods are not all listed yet"),
    service: {
      async *tailLogs(request, { signal }) {
        const target = targetOf(context.org, request);
        const stop = new AbortController();
        const either = AbortSignal.any([signal, stop.signal]);
        try {
          yield* batches(tail(context, pods, target, either), context.cluster, context.clock);
        } catch (error) {
          throw rpcError(error, either);
        } finally {
          // The reader has gone, or we have failed: whatever still waits for the API ends.
          stop.abort(new DOMException("the log is no longer read", "AbortError"));
        }
      },
    },
  };
}

function rpcError(error: unknown, signal: AbortSignal): ConnectError {
  if (error instanceof ConnectError) return error;
  if (signal.aborted) return new ConnectError("the log is no longer read", Code.Canceled, undefined, undefined, error);
  const code = error instanceof KubeError ? Code.Unavailable : Code.Internal;
  return new ConnectError(`the log can not be read: ${messageOf(error)}`, code, undefined, undefined, error);
}
