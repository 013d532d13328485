import { secretsNamespace, taskActionCrd } from "@homeplane/idl";
import {
  type CustomResourceDefinition,
  customResourceDefinitions,
  isAlreadyExists,
  KubeClient,
  namespaces,
} from "@homeplane/kube";
import { machineCapacity, type PodLogsRequest, ProcessRuntime, startEmbeddedKube } from "@homeplane/kube-embedded";
import { type Logger, type Service, systemClock as clock } from "@homeplane/runtime-kit";
import type { UpConfig } from "./config.ts";
import type { DataDirPaths } from "./data-dir.ts";
import { listenNear } from "./ports.ts";
import type { PythonEnvironment } from "./python.ts";
import { kubeInTurns, Turns } from "./turns.ts";

export interface EmbeddedKubernetes {
  readonly kubeconfigPath: string;
  readonly port: number;
  /** A client for one component; its name shows in the API's log. It takes turns with the others, unless somebody waits for each of its calls. */
  client(userAgent: string, options?: { readonly urgent?: boolean }): KubeClient;
  /** The API's own housekeeping, and the processes behind it. */
  readonly services: readonly Service[];
  close(): Promise<void>;
}

const random = Math.random;

/** The Kubernetes API, with TaskActions in it, and local processes behind its pods. */
export async function startKubernetes(
  config: UpConfig,
  paths: DataDirPaths,
  python: PythonEnvironment,
  preferredPort: number,
  component: (name: string) => Logger,
): Promise<EmbeddedKubernetes> {
  // Each reads the other: the runtime is a client of the API, the API serves the runtime's logs.
  let runtime: ProcessRuntime | undefined;
  const podLogs = (request: PodLogsRequest): AsyncIterable<Uint8Array> => {
    if (runtime === undefined) throw new Error("the process runtime has not started yet");
    return runtime.podLogs(request);
  };
  const common = { dataDir: paths.kube, host: config.host, clock, random, log: component("kube"), podLogs };
  const kube = await listenNear(preferredPort, (port) => startEmbeddedKube({ ...common, port }));
  const inTurns = kubeInTurns(kube.transport, new Turns());
  const client: EmbeddedKubernetes["client"] = (userAgent, { urgent = false } = {}) => {
    const transport = urgent ? kube.transport : inTurns;
    return new KubeClient({ transport, log: component(userAgent), clock, random, userAgent });
  };
  try {
    await prepare(client("homeplane"));
  } catch (error) {
    await kube.close();
    throw error;
  }
  runtime = await processRuntime(config, paths, python, client, component);
  const housekeeping: Service = { name: "kube", run: (signal) => kube.run(signal) };
  const { kubeconfigPath, port } = kube;
  return { kubeconfigPath, port, client, services: [housekeeping, runtime], close: () => kube.close() };
}

/** What runs the pods. */
export async function processRuntime(
  config: UpConfig,
  paths: DataDirPaths,
  python: PythonEnvironment,
  client: EmbeddedKubernetes["client"],
  component: (name: string) => Logger,
): Promise<ProcessRuntime> {
  return new ProcessRuntime({
    client: client("process-runtime"),
    dataDir: paths.kube,
    nodeName: "local",
    python: python.python,
    baseEnv: config.podEnvironment,
    capacity: {
      ...(await machineCapacity(paths.kube)),
      ...(config.cpus === undefined ? {} : { cpu: config.cpus }),
      ...(config.memory === undefined ? {} : { memory: config.memory }),
      ...(config.slots === undefined ? {} : { pods: config.slots }),
    },
    clock,
    random,
    log: component("process-runtime"),
  });
}

/** What the components find there. */
export async function prepare(client: KubeClient): Promise<void> {
  await applyCrd(client);
  await ensureNamespace(client, secretsNamespace);
}

async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  try {
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
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
