/**
 * Everything wired together, in one place, with plain calls. Control plane and data plane meet at the two channels only; here both are
 * in-process transports of the same services that elsewhere run over the network.
 */
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { consoleHandler } from "@homeplane/console";
import { createControlPlane, ensureBuildTask, ensureProject } from "@homeplane/control-plane";
import { createExecutor, executorDefaults } from "@homeplane/executor";
import { secretsNamespace } from "@homeplane/idl";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { createImageBuilder } from "@homeplane/image-builder";
import { createLogProvider } from "@homeplane/log-provider";
import { objectStoreService } from "@homeplane/object-store-service";
import { createOperator, namespaceDefaults } from "@homeplane/operator";
import { type Logger, rpcErrors, runServices, systemClock as clock } from "@homeplane/runtime-kit";
import { createSecretService } from "@homeplane/secret-service";
import { createTaskGateway } from "@homeplane/task-gateway";
import type { UpConfig } from "./config.ts";
import { type DataDirPaths, loadCredentials, type StoreCredentials, writeOwned } from "./data-dir.ts";
import { openDatabase } from "./database.ts";
import { collectAll, idleMemory, processLoad } from "./idle-memory.ts";
import { startKubernetes } from "./kubernetes.ts";
import { buckets, startObjectStore, storeEnvironment } from "./object-store.ts";
import { listenNear, preferredPorts } from "./ports.ts";
import type { PythonEnvironment } from "./python.ts";
import { channelInTurns, Turns } from "./turns.ts";
import { listenRedirect, sdkPorts } from "./redirect.ts";

export interface Homeplane {
  readonly controlPlane: string;
  readonly objectStore: string;
  readonly kubeconfig: string;
  readonly credentials: StoreCredentials;
  /** Runs until `signal` aborts, then closes everything. */
  run(signal: AbortSignal): Promise<void>;
}

const cluster = "embedded";
const random = Math.random;

export async function compose(
  config: UpConfig,
  paths: DataDirPaths,
  python: PythonEnvironment,
  log: Logger,
  kubernetes: typeof startKubernetes = startKubernetes,
): Promise<Homeplane> {
  const { host, org, version } = config;
  const component = (name: string): Logger => log.child({ component: name });
  const shared = (name: string) => ({ clock, random, log: component(name) });
  // Closed in reverse when a later step fails, or at the end.
  const stack = new AsyncDisposableStack();
  try {
    const ports = await preferredPorts(paths.ports, config.port);
    const credentials = await loadCredentials(paths.credentials);
    const { store, presigner, ...s3 } = await startObjectStore(
      paths,
      credentials,
      { host, port: ports.objectStore },
      component("s3"),
    );
    stack.defer(() => s3.close());
    const kube = await kubernetes(config, paths, python, ports.kube, component);
    stack.defer(() => kube.close());
    const forComponent = (name: string) => ({ client: kube.client(name), ...shared(name) });

    // The tunnel: what the control plane may ask of the data plane.
    const logProvider = createLogProvider({
      ...forComponent("log-provider"),
      store,
      bucket: buckets.metadata,
      org,
      cluster,
    });
    const secretService = createSecretService({
      ...forComponent("secret-service"),
      namespace: secretsNamespace,
      org,
      cluster,
    });
    const imageBuilder = createImageBuilder({
      store,
      bucket: buckets.fastRegistration,
      org,
      python: python.python,
      env: config.podEnvironment,
    });
    const tunnel = createRouterTransport((router) => {
      router.service(ImageService, imageBuilder.service);
      router.service(SecretService, secretService.users);
      router.service(ObjectStoreService, objectStoreService({ store, presigner, buckets, org }));
      router.service(LogService, logProvider.service);
    });
    const objects = createClient(ObjectStoreService, tunnel);

    const database = openDatabase(paths.database);
    stack.defer(() => database.close());
    await ensureProject(database, config.project);
    await ensureBuildTask(database, imageBuilder.task, clock.now());
    const controlPlane = createControlPlane({
      config: { org, domains: config.domains, version },
      store: database,
      dataPlane: {
        objects,
        logs: createClient(LogService, tunnel),
        secrets: createClient(SecretService, tunnel),
        images: createClient(ImageService, tunnel),
      },
      clock,
      log: component("control-plane"),
    });
    const fallback = consoleHandler({ log: component("console") });
    const server = await controlPlane.listen({ host, port: config.port, fallback });
    stack.defer(() => server.close());
    stack.defer(async () => controlPlane.stop());
    if (server.port === sdkPorts.endpoint) {
      const redirect = await listenRedirect(host, sdkPorts.printed, server.port, component("redirect"));
      stack.defer(async () => redirect?.close(0));
    }

    // The data plane's own components; the control plane reaches none of them.
    const { clients: upstream } = controlPlane;
    const orchestration = channelInTurns(controlPlane.orchestration, new Turns());
    const interceptors = [rpcErrors(component("task-gateway"))];
    const gateway = createTaskGateway({
      ...shared("task-gateway"),
      // A task waits for each child that it starts.
      client: kube.client("task-gateway", { urgent: true }),
      objects,
      orchestration,
      upstream,
      interceptors,
    });
    const gatewayServer = await listenNear(ports.gateway, (port) => gateway.listen({ host, port }));
    stack.defer(() => gatewayServer.close());
    const operator = createOperator({
      ...forComponent("operator"),
      ...{ orchestration, cluster, version },
      // The API is ours alone, and there may be namespaces from before they were marked as ours.
      namespaces: { ...namespaceDefaults, adopt: true },
    });
    const executor = createExecutor({
      ...forComponent("executor"),
      store,
      orchestration,
      secrets: createRouterTransport(({ service }) => service(SecretMaterialiser, secretService.materialiser)),
      config: {
        ...executorDefaults,
        cluster,
        pod: {
          org,
          gateway: { hostPort: `${host}:${gatewayServer.port}`, insecure: true },
          objectStoreEnv: storeEnvironment(s3.url, credentials),
          // A task that says nothing mostly waits, for its children or the network: two of them share a core.
          defaultRequests: { cpu: "500m", memory: "512Mi" },
          user: { uid: 1000, gid: 1000 },
          sdkVersion: python.flyteVersion,
          python: python.python,
          gracePeriodSeconds: config.gracePeriodSeconds,
        },
      },
    });
    const used = { objectStore: s3.port, kube: kube.port, gateway: gatewayServer.port };
    await writeOwned(paths.ports, `${JSON.stringify(used, null, 2)}\n`);
    const services = [
      ...kube.services,
      logProvider.archiver,
      secretService.service,
      gateway.service,
      operator,
      executor,
      controlPlane.scheduler,
      idleMemory({ clock, log: component("memory"), load: processLoad(), collect: collectAll }),
    ];
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
