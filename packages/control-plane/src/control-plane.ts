/**
 * The control plane: runs, actions, tasks, projects, on one port for Connect over HTTP/1.1 and gRPC over h2c. It meets the data plane
 * only at the two channels: it calls the tunnel's services (`DataPlane`) and serves the orchestration channel.
 */
import { type ConnectRouter, createRouterTransport, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type Clock,
  type HttpServer,
  listenHttp,
  type Logger,
  refuseMalformed,
  type Service,
  Subject,
} from "@homeplane/runtime-kit";
import { Clusters, type ClusterSeen } from "./clusters.ts";
import type { Context, ControlPlaneConfig, DataPlane } from "./context.ts";
import { type DataPlaneDoor, type DataPlaneDoorOptions, dataPlaneDoor } from "./data-plane-door.ts";
import type { Fallback } from "./refuse-rpc.ts";
import { clientRoutes, orchestrationRoutes } from "./routes.ts";
import { controlPlaneErrors } from "./rpc-log.ts";
import type { Store } from "./store/port.ts";
import { triggerScheduler } from "./triggers/scheduler.ts";
import { unknownRpc } from "./unknown-rpc.ts";

/**
 * The largest request after decompression. Far above the limits on inputs (10 MiB) and templates (1 MiB), so that what is somewhat too large is
 * told what to do about it; past this it is only cut off.
 */
const maxRequestBytes = 64 << 20;

export interface ControlPlane {
  /** The orchestration channel, in process. */
  readonly orchestration: Transport;
  /** What clients call, in process; the task gateway passes calls of task pods on over it. */
  readonly clients: Transport;
  listen(options: { host: string; port: number; fallback: Fallback }): Promise<HttpServer>;
  /** The orchestration channel and the tunnel for data planes elsewhere. */
  door(options: DataPlaneDoorOptions): DataPlaneDoor;
  /** Those that have called since the start. */
  clusters(): readonly ClusterSeen[];
  /** Fires the triggers; runs beside the servers. */
  readonly scheduler: Service;
  /** Ends watches and log streams; call before closing servers. */
  stop(): void;
}

export interface ControlPlaneOptions {
  readonly config: ControlPlaneConfig;
  readonly store: Store;
  readonly dataPlane: DataPlane;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const stopping = new AbortController();
  const clusters = new Clusters(options.clock);
  const own = { clusters, changes: new Subject<string>(), served: new Map<string, number>() };
  const ctx: Context = { ...options, ...own, stopping: stopping.signal };
  const interceptors = [controlPlaneErrors(ctx.log)];
  const inProcess = { router: { interceptors } };
  return {
    orchestration: createRouterTransport(orchestrationRoutes(ctx), inProcess),
    clients: createRouterTransport(clientRoutes(ctx), inProcess),
    listen: ({ host, port, fallback }) => {
      const adapter = {
        routes: (router: ConnectRouter) => {
          clientRoutes(ctx)(router);
          refuseMalformed(router);
        },
        interceptors,
        fallback: unknownRpc(fallback),
        readMaxBytes: maxRequestBytes,
        grpcWeb: true,
      };
      return listenHttp({ host, port, handler: connectNodeAdapter(adapter) });
    },
    door: (door) =>
      dataPlaneDoor(door, {
        routes: (router: ConnectRouter) => {
          orchestrationRoutes(ctx)(router);
          clientRoutes(ctx)(router);
          refuseMalformed(router);
        },
        interceptors,
        readMaxBytes: maxRequestBytes,
        log: ctx.log,
      }),
    clusters: () => clusters.list(),
    scheduler: triggerScheduler(ctx),
    stop: () => stopping.abort(),
  };
}

/** The projects that a new installation has. */
export async function ensureProject(store: Store, id: string): Promise<void> {
  await store.projects.create({ id, name: id, description: "", labels: {}, archived: false });
}
