/**
 * A whole data plane in one process, on the embedded Kubernetes API, whose control plane is elsewhere: it reaches that by the two channels over TLS
 * alone, as on a cluster.
 *
 *   node data-plane.ts <settings as JSON>
 */
import { readFile } from "node:fs/promises";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createExecutor, executorDefaults } from "@homeplane/executor";
import { secretsNamespace } from "@homeplane/idl";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { createLogProvider } from "@homeplane/log-provider";
import { objectStoreService } from "@homeplane/object-store-service";
import { createOperator, namespaceDefaults } from "@homeplane/operator";
import { createLogger, listenTls, openGrpcChannel, runServices, systemClock as clock } from "@homeplane/runtime-kit";
import { createSecretService } from "@homeplane/secret-service";
import { createTaskGateway } from "@homeplane/task-gateway";
import { createTunnelService } from "@homeplane/tunnel-service";
import { upConfig } from "../../packages/cli/src/up/config.ts";
import { loadCredentials, openDataDir } from "../../packages/cli/src/up/data-dir.ts";
import { startKubernetes } from "../../packages/cli/src/up/kubernetes.ts";
import { buckets, startObjectStore, storeEnvironment } from "../../packages/cli/src/up/object-store.ts";
import { findPython } from "../../packages/cli/src/up/python.ts";

export interface DataPlaneSettings {
  readonly dataDir: string;
  readonly python: string;
  readonly cluster: string;
  readonly controlPlane: string;
  readonly tokenFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

const settings = JSON.parse(process.argv[2] ?? "") as DataPlaneSettings;
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());

const random = Math.random;
const org = "homeplane";
const host = "127.0.0.1";
const { cluster } = settings;
const config = upConfig({ dataDir: settings.dataDir, python: settings.python }, process.env, "test");
const paths = await openDataDir(settings.dataDir);
const python = await findPython(settings.python);
const log = createLogger({ level: "info", file: paths.log });
const component = (name: string) => log.child({ component: name });
const shared = (name: string) => ({ clock, random, log: component(name) });
const credentials = await loadCredentials(paths.credentials);
const { store, presigner, ...s3 } = await startObjectStore(paths, credentials, { host, port: 0 }, component("s3"));
const kube = await startKubernetes(config, paths, python, 0, component);
const forComponent = (name: string) => ({ client: kube.client(name), ...shared(name) });

const logs = createLogProvider({ ...forComponent("log-provider"), store, bucket: buckets.metadata, org, cluster });
const secrets = createSecretService({
  ...forComponent("secret-service"),
  namespace: secretsNamespace,
  org,
  cluster,
});
const objects = objectStoreService({ store, presigner, buckets, org });
const ca = () => readFile(settings.caFile, "utf8");
const token = async () => (await readFile(settings.tokenFile, "utf8")).trim();
const components = await listenTls({
  ...{ host, port: 0, certFile: settings.certFile, keyFile: settings.keyFile, clock, log },
  handler: connectNodeAdapter({
    routes: (router) => {
      router.service(ObjectStoreService, objects);
      router.service(LogService, logs.service);
      router.service(SecretService, secrets.users);
    },
  }),
});
const upstream = { url: `https://${host}:${components.port}`, ca };
const tunnel = createTunnelService({
  cluster,
  controlPlane: { url: settings.controlPlane, ca, token },
  services: new Map([ObjectStoreService, LogService, SecretService].map(({ typeName }) => [typeName, upstream])),
  absent: new Map(),
  ...shared("tunnel-service"),
});
const channel = (): ReturnType<typeof openGrpcChannel>["transport"] =>
  openGrpcChannel({
    url: settings.controlPlane,
    peer: "the control plane",
    ca,
    headers: async () => ({ authorization: `Bearer ${await token()}`, "x-homeplane-cluster": cluster }),
    clock,
    random,
  }).transport;
const forGateway = channel();
const gateway = createTaskGateway({
  ...shared("task-gateway"),
  client: kube.client("task-gateway", { urgent: true }),
  objects: createClient(
    ObjectStoreService,
    createRouterTransport(({ service }) => service(ObjectStoreService, objects)),
  ),
  orchestration: forGateway,
  upstream: forGateway,
  interceptors: [],
});
const gatewayServer = await gateway.listen({ host, port: 0 });
const operator = createOperator({
  ...forComponent("operator"),
  ...{ orchestration: channel(), cluster, version: "test", namespaces: { ...namespaceDefaults, adopt: true } },
});
const executor = createExecutor({
  ...forComponent("executor"),
  store,
  orchestration: channel(),
  secrets: createRouterTransport(({ service }) => service(SecretMaterialiser, secrets.materialiser)),
  config: {
    ...executorDefaults,
    cluster,
    pod: {
      org,
      gateway: { hostPort: `${host}:${gatewayServer.port}`, insecure: true },
      objectStoreEnv: storeEnvironment(s3.url, credentials),
      defaultRequests: { cpu: "100m", memory: "64Mi" },
      user: { uid: 1000, gid: 1000 },
      sdkVersion: python.flyteVersion,
      python: python.python,
      gracePeriodSeconds: 5,
    },
  },
});
process.stdout.write(`${JSON.stringify({ environment: storeEnvironment(s3.url, credentials) })}\n`);
await runServices(
  [...kube.services, logs.archiver, secrets.service, gateway.service, operator, executor, tunnel],
  stop.signal,
);
await Promise.all([gatewayServer.close(100), components.close(100), s3.close(), kube.close()]);
process.exit();
