/**
 * Everything wired together, in one place, with plain calls. Control plane and data plane meet at the two channels only; here both are
 * in-process transports of the same services that elsewhere run over the network.
 */
import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { consoleHandler } from "@homeplane/console";
import { createControlPlane, ensureProject, openSqliteStore, rpcErrors } from "@homeplane/control-plane";
import { createExecutor, executorDefaults } from "@homeplane/executor";
import { taskActionCrd } from "@homeplane/idl";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { type CustomResourceDefinition, customResourceDefinitions, isAlreadyExists, KubeClient } from "@homeplane/kube";
import { type PodLogsRequest, ProcessRuntime, startEmbeddedKube } from "@homeplane/kube-embedded";
import { createLogProvider } from "@homeplane/log-provider";
import { createPresigner, openFsObjectStore, startS3Server } from "@homeplane/object-store";
import { objectStoreService } from "@homeplane/object-store-service";
import { createOperator } from "@homeplane/operator";
import { type Logger, runServices, type Service, systemClock } from "@homeplane/runtime-kit";
import { createTaskGateway } from "@homeplane/task-gateway";
import type { UpConfig } from "./config.ts";
import { type DataDirPaths, loadCredentials, writeOwned } from "./data-dir.ts";
import { listenNear, preferredPorts } from "./ports.ts";
import type { PythonEnvironment } from "./python.ts";

export interface Homeplane {
  readonly controlPlane: string;
  readonly objectStore: string;
  readonly kubeconfig: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Runs until `signal` aborts, then closes everything. */
  run(signal: AbortSignal): Promise<void>;
}

const buckets = { metadata: "homeplane-metadata", fastRegistration: "homeplane-fast-registration" };
const cluster = "embedded";
const random = Math.random;
const clock = systemClock;

export async function compose(
  config: UpConfig,
  paths: DataDirPaths,
  python: PythonEnvironment,
  log: Logger,
): Promise<Homeplane> {
  const { host, org } = config;
  const stack = new AsyncDisposableStack();
  try {
    const ports = await preferredPorts(paths.ports, config.port);
    const credentials = await loadCredentials(paths.credentials);
    const component = (name: string): Logger => log.child({ component: name });
    await mkdir(dirname(paths.log), { recursive: true, mode: 0o700 });

    // The object store.
    const bucketNames = Object.values(buckets);
    const store = await openFsObjectStore({ root: paths.objects, buckets: bucketNames, clock });
    const s3 = await listenNear(ports.objectStore, (port) =>
      startS3Server({
        store,
        buckets: bucketNames,
        multipartRoot: paths.multipart,
        host,
        port,
        credentials,
        clock,
        log: component("s3"),
      }),
    );
    stack.defer(() => s3.close());
    const presigner = createPresigner({ endpoint: s3.url, region: "us-east-1", credentials, clock });

    // The Kubernetes API and the processes behind it, which read each other: logs come from the runtime.
    let runtime: ProcessRuntime | undefined;
    const podLogs = (request: PodLogsRequest): AsyncIterable<Uint8Array> => {
      if (runtime === undefined) throw new Error("the process runtime has not started yet");
      return runtime.podLogs(request);
    };
    const kube = await listenNear(ports.kube, (port) =>
      startEmbeddedKube({ dataDir: paths.kube, host, port, clock, random, log: component("kube"), podLogs }),
    );
    stack.defer(() => kube.close());
    const client = (userAgent: string): KubeClient =>
      new KubeClient({ transport: kube.transport, log, clock, random, userAgent });
    await applyCrd(client("homeplane"));
    runtime = new ProcessRuntime({
      client: client("process-runtime"),
      dataDir: paths.kube,
      nodeName: "local",
      python: python.python,
      baseEnv: config.podEnvironment,
      slots: config.slots ?? Math.max(4, cpus().length * 2),
      clock,
      random,
      log: component("process-runtime"),
    });

    // The tunnel: what the control plane may ask of the data plane.
    const logProvider = createLogProvider({
      client: client("log-provider"),
      store,
      bucket: buckets.metadata,
      org,
      cluster,
      clock,
      random,
      log: component("log-provider"),
    });
    const tunnel = createRouterTransport((router) => {
      router.service(ObjectStoreService, objectStoreService({ store, presigner, buckets }));
      router.service(LogService, logProvider.service);
    });
    const objects = createClient(ObjectStoreService, tunnel);

    const database = openSqliteStore(paths.database);
    stack.defer(() => database.close());
    await ensureProject(database, config.project);
    const controlPlane = createControlPlane({
      config: { org, domains: config.domains, version: config.version },
      store: database,
      dataPlane: { objects, logs: createClient(LogService, tunnel) },
      clock,
      log: component("control-plane"),
    });
    const server = await controlPlane.listen({
      host,
      port: config.port,
      fallback: consoleHandler({ log: component("console") }),
    });
    stack.defer(() => server.close());
    stack.defer(async () => controlPlane.stop());

    // The data plane's own components; the control plane reaches none of them.
    const { orchestration, clients: upstream } = controlPlane;
    const interceptors = [rpcErrors(component("task-gateway"))];
    const gateway = createTaskGateway({
      client: client("task-gateway"),
      objects,
      orchestration,
      upstream,
      interceptors,
      clock,
      random,
      log: component("task-gateway"),
    });
    const gatewayServer = await listenNear(ports.gateway, (port) => gateway.listen({ host, port }));
    stack.defer(() => gatewayServer.close());
    const operator = createOperator({
      client: client("operator"),
      orchestration,
      cluster,
      version: config.version,
      clock,
      random,
      log: component("operator"),
    });
    const executor = createExecutor({
      client: client("executor"),
      store,
      orchestration,
      clock,
      random,
      log: component("executor"),
      config: {
        ...executorDefaults,
        cluster,
        pod: {
          org,
          gateway: { hostPort: `${host}:${gatewayServer.port}`, insecure: true },
          objectStoreEnv: storeEnvironment(s3.url, credentials),
          defaultRequests: { cpu: "1", memory: "1Gi" },
          user: { uid: 1000, gid: 1000 },
          sdkVersion: python.flyteVersion,
          gracePeriodSeconds: config.gracePeriodSeconds,
        },
      },
    });
    await writeOwned(
      paths.ports,
      `${JSON.stringify({ objectStore: s3.port, kube: kube.port, gateway: gatewayServer.port }, null, 2)}\n`,
    );
    const garbageCollector: Service = { name: "kube", run: (signal) => kube.run(signal) };
    const services = [garbageCollector, runtime, logProvider.archiver, gateway.service, operator, executor];
    return {
      controlPlane: `http://${host}:${server.port}`,
      objectStore: s3.url,
      kubeconfig: kube.kubeconfigPath,
      credentials,
      run: async (signal) => {
        try {
          signal.addEventListener("abort", () => controlPlane.stop(), { once: true });
          await runServices(services, signal);
        } finally {
          await stack.disposeAsync();
        }
      },
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** How a program reaches the embedded store through the SDK. */
export function storeEnvironment(endpoint: string, credentials: Homeplane["credentials"]): Record<string, string> {
  return {
    FLYTE_AWS_ENDPOINT: endpoint,
    FLYTE_AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    FLYTE_AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

async function applyCrd(client: KubeClient): Promise<void> {
  const crd: CustomResourceDefinition = taskActionCrd;
  try {
    await client.create(customResourceDefinitions, crd);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    // An older homeplane may have made it: its schema is brought up to date.
    await client.patch(customResourceDefinitions, { name: crd.metadata.name }, { spec: crd.spec });
  }
}
