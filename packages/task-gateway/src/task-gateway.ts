/** The only address that task pods talk to, besides the object store. */
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import { ClusterService } from "@homeplane/idl/flyteidl2/cluster/service";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { ImageService } from "@homeplane/idl/flyteidl2/imagebuilder/service";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { TaskService } from "@homeplane/idl/flyteidl2/task/task_service";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { BundleService } from "@homeplane/idl/homeplane/v1/bundles";
import type { KubeClient, TokenVerifier } from "@homeplane/kube";
import {
  type Clock,
  type HttpHandler,
  type HttpServer,
  listenHttp,
  type Logger,
  type Random,
  runServices,
  type Service,
} from "@homeplane/runtime-kit";
import type { Client } from "@connectrpc/connect";
import { actionsService } from "./actions-service.ts";
import { bundleService } from "./bundle-service.ts";
import { Children } from "./children.ts";
import { identifyCallers } from "./identity/interceptor.ts";
import { authMetadata, tokenEndpoint } from "./identity/token-endpoint.ts";
import { passOn } from "./pass-on.ts";
import { Recoveries } from "./recoveries.ts";
import { TraceReports } from "./trace-reports.ts";
import { Traces } from "./traces.ts";

export interface TaskGatewayOptions {
  readonly client: KubeClient;
  readonly objects: Client<typeof ObjectStoreService>;
  /** The orchestration channel: reports of traces. */
  readonly orchestration: Transport;
  /** The control plane's client services, over the orchestration channel. */
  readonly upstream: Transport;
  /** Who calls is asked with the tokens of task pods; absent in the embedded default, where nobody asks. */
  readonly callers?: {
    readonly tokens: TokenVerifier;
    /** The gateway as task pods reach it, with `https://`. */
    readonly address: string;
  };
  /** Converts what handlers throw. */
  readonly interceptors: readonly Interceptor[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface TaskGateway {
  readonly service: Service;
  /** For a server of somebody else's: it needs TLS wherever callers show tokens. */
  readonly handler: HttpHandler;
  listen(options: { host: string; port: number }): Promise<HttpServer>;
  /** What keeps it from working. */
  problem(): string | undefined;
}

/** A child's spec is at most 1 MiB. */
const maxRequestBytes = 4 << 20;
const passedOn = [RunService, DataProxyService, ClusterService, ProjectService, TaskService, ImageService];

export function createTaskGateway(options: TaskGatewayOptions): TaskGateway {
  const stopping = new AbortController();
  const children = new Children(options);
  const reports = new TraceReports({
    ...options,
    children,
    events: createClient(EventsProxyService, options.orchestration),
    runs: createClient(InternalRunService, options.orchestration),
  });
  const traces = new Traces({ objects: options.objects, reports });
  const recoveries = new Recoveries(options);
  const service: Service = {
    name: "task-gateway",
    run: async (signal) => {
      signal.addEventListener("abort", () => stopping.abort(), { once: true });
      await runServices(
        [{ name: "task-gateway.taskactions", run: (stop) => children.informer.run(stop) }, reports],
        signal,
      );
    },
  };
  const { callers } = options;
  const rpc = connectNodeAdapter({
    routes: (router) => {
      router.service(
        ActionsService,
        actionsService({ client: options.client, children, traces, recoveries, stopping: stopping.signal }),
      );
      router.service(BundleService, bundleService(options));
      passOn(router, passedOn, options.upstream);
      if (callers !== undefined) router.service(AuthMetadataService, authMetadata(callers.address));
    },
    interceptors: [
      ...options.interceptors,
      ...(callers === undefined ? [] : [identifyCallers({ ...callers, children })]),
    ],
    readMaxBytes: maxRequestBytes,
  });
  const handler = callers === undefined ? rpc : tokenEndpoint({ ...options, ...callers }, rpc);
  const problem = (): string | undefined =>
    children.informer.hasSynced ? undefined : "TaskActions are not all listed yet";
  return { service, problem, handler, listen: ({ host, port }) => listenHttp({ host, port, handler }) };
}
