/**
 * The port for data planes: the orchestration channel, the client services that task pods reach through their gateway, and the upgrade to the tunnel.
 * Everything on it needs a cluster's token.
 */
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type HttpHandler, type ListenTlsOptions, type Logger, messageOf } from "@homeplane/runtime-kit";
import { callingCluster } from "./clusters.ts";
import { refuseRpc } from "./refuse-rpc.ts";
import type { ClusterTokens } from "./tunnel/cluster-tokens.ts";
import type { TunnelRegistry } from "./tunnel/registry.ts";
import { tunnelUpgrade, unknownToken } from "./tunnel/upgrade.ts";
import { unknownRpc } from "./unknown-rpc.ts";

type AdapterOptions = Parameters<typeof connectNodeAdapter>[0];

export interface DataPlaneDoorOptions {
  readonly tokens: ClusterTokens;
  readonly registry: TunnelRegistry;
}

/** For a server with TLS. */
export type DataPlaneDoor = Pick<Required<ListenTlsOptions>, "handler" | "upgrade">;

interface Behind extends Pick<AdapterOptions, "routes" | "interceptors" | "readMaxBytes"> {
  readonly log: Logger;
}

export function dataPlaneDoor({ tokens, registry }: DataPlaneDoorOptions, behind: Behind): DataPlaneDoor {
  const { log, ...adapterOptions } = behind;
  const callers = new WeakMap<object, string>();
  const serve = connectNodeAdapter({
    ...adapterOptions,
    contextValues: (request) => createContextValues().set(callingCluster, callers.get(request)),
    fallback: unknownRpc((_, response) => {
      response.statusCode = 404;
      response.end();
    }),
  });
  const admit = async (...[request, response]: Parameters<HttpHandler>): Promise<void> => {
    const cluster = await tokens.clusterOf(request.headers.authorization);
    if (cluster !== undefined) {
      callers.set(request, cluster);
      serve(request, response);
      return;
    }
    log.warn({ event: "rpc.refused", peer: request.socket.remoteAddress, path: request.url, reason: "token" });
    refuseRpc(request, response, {
      code: "unauthenticated",
      httpStatus: 401,
      grpcStatus: 16,
      message: unknownToken,
    });
  };
  const handler: HttpHandler = (request, response) => {
    admit(request, response).catch((error: unknown) => {
      log.error({ event: "rpc.not_admitted", error: messageOf(error) });
      const message = "the call could not be admitted: look into the control plane's log";
      refuseRpc(request, response, { code: "internal", httpStatus: 500, grpcStatus: 13, message });
    });
  };
  return { handler, upgrade: tunnelUpgrade({ registry, tokens, log }) };
}
