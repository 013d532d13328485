/** All components of the data plane, each as its own process with its own ServiceAccount and certificate, on a real API server, and the control plane beside them. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTokenVerifier,
  httpTransport,
  isAlreadyExists,
  KubeClient,
  loadKubeconfig,
  namespaces,
  serviceAccounts,
} from "@homeplane/kube";
import { silentLogger as log, systemClock as clock } from "@homeplane/runtime-kit";
import { issueCa, issueLeaf, type Pair } from "@homeplane/kube-embedded/certs";
import { prepare } from "../../../packages/cli/src/up/kubernetes.ts";
import type { ApiServer } from "../api-server.ts";
import { ComponentProcess } from "./component-process.ts";
import { buckets, startStoreWithSts, type StoreWithSts, stsAudience } from "./store-with-sts.ts";

export const dataPlane = [
  "executor",
  "operator",
  "task-gateway",
  "object-store-service",
  "log-provider",
  "secret-service",
  "tunnel-service",
] as const;
export type DataPlaneName = (typeof dataPlane)[number];
const namespace = "union";
export const cluster = "split";

export interface SplitHomeplane extends AsyncDisposable {
  readonly folder: string;
  readonly client: KubeClient;
  readonly store: StoreWithSts;
  readonly ca: Pair;
  /** The address of clients' API. */
  readonly controlPlaneUrl: string;
  readonly urls: Readonly<Record<string, string>>;
  readonly processes: Readonly<Record<DataPlaneName | "control-plane", ComponentProcess>>;
  token(account: string, audience: string): Promise<string>;
  /** One more process of a component, on ports of its own; sections of `change` are laid over its configuration. */
  replica(name: DataPlaneName, change?: object): Promise<ComponentProcess>;
  /** Writes a new certificate for a component, in place. */
  renewCertificate(name: string): Promise<Pair>;
}

/** Prepares all; starts nothing but the store. */
export async function splitHomeplane(api: ApiServer): Promise<SplitHomeplane> {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "homeplane-split-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const admin = await loadKubeconfig(api.kubeconfig);
  const transport = httpTransport(admin);
  stack.defer(() => transport.close());
  const client = new KubeClient({ transport, log, clock, random: Math.random });
  await prepare(client);
  await ensure(() => client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }));
  const token = async (name: string, audience: string): Promise<string> => {
    const metadata = { namespace, name };
    await ensure(() => client.create(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata }));
    const spec = { audiences: audience === "" ? [] : [audience], expirationSeconds: 3600 };
    return (await client.createToken({ namespace, name }, spec)).token;
  };
  await allowAll(client);

  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const ca = await issueCa(Date.now(), 2);
  const caFile = await write("ca.crt", ca.cert);
  const renewCertificate = async (name: string): Promise<Pair> => {
    const names = [{ type: "ip" as const, value: "127.0.0.1" }];
    const pair = await issueLeaf({ ca, now: Date.now(), days: 1, subject: `CN=${name}`, usage: "server", names });
    await write(`${name}.crt`, pair.cert);
    await write(`${name}.key`, pair.key);
    return pair;
  };
  const verifier = createTokenVerifier({ client, clock });
  const store = stack.use(await startStoreWithSts(folder, verifier, await renewCertificate("sts")));
  const all = [...dataPlane, "control-plane"] as const;
  const free = await freePorts(all.length * 2 + 1);
  const portOf = (name: string, offset: 0 | 1): number => free[all.indexOf(name as DataPlaneName) * 2 + offset] ?? 0;
  const clientPort = free.at(-1) ?? 0;
  const urls = Object.fromEntries(all.map((name) => [name, `https://127.0.0.1:${portOf(name, 0)}`]));
  const clusterToken = await write("cluster-token", randomBytes(32).toString("hex"));

  const filesOf = async (name: string) => {
    await renewCertificate(name);
    return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
  };
  const listenOf = (name: string) => ({ host: "127.0.0.1", port: portOf(name, 0), probePort: portOf(name, 1) });
  const configOf = async (name: DataPlaneName): Promise<object> => {
    const apiToken = await write(`${name}.api-token`, await token(name, ""));
    const user = { name: "u", user: { tokenFile: apiToken } };
    const at = {
      name: "c",
      cluster: { server: api.url, "certificate-authority-data": Buffer.from(admin.ca ?? "").toString("base64") },
    };
    const context = { name: "x", context: { cluster: "c", user: "u" } };
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [at],
      users: [user],
      contexts: [context],
      "current-context": "x",
    };
    return {
      cluster,
      kubeconfig: await write(`${name}.kubeconfig`, JSON.stringify(kubeconfig)),
      listen: listenOf(name),
      tls: { ...(await filesOf(name)), caFile },
      identity: { tokenFile: await write(`${name}.token`, await token(name, "homeplane")) },
      services: {
        taskGateway: urls["task-gateway"],
        objectStoreService: urls["object-store-service"],
        secretService: urls["secret-service"],
        logProvider: urls["log-provider"],
      },
      controlPlane: { url: urls["control-plane"], tokenFile: clusterToken, caFile },
      objectStore: {
        ...{ endpoint: store.endpoint, stsEndpoint: store.stsEndpoint },
        ...{
          roleArn: "arn:aws:iam::000000000000:role/adminflyterole",
          taskRoleArn: "arn:aws:iam::000000000000:role/userflyterole",
        },
        caFile,
        webIdentityTokenFile: await write(`${name}.sts-token`, await token(name, stsAudience)),
        ...{ metadataBucket: buckets.metadata, fastRegistrationBucket: buckets.fastRegistration },
      },
      tasks: { initImage: "registry.example/homeplane:test" },
    };
  };
  const process = (name: string, config: object): ComponentProcess =>
    stack.use(new ComponentProcess(name, folder, config, portOf(name, 1)));
  const entries: [string, ComponentProcess][] = [];
  for (const name of dataPlane) entries.push([name, process(name, await configOf(name))]);
  const controlPlane = {
    listen: { ...listenOf("control-plane"), clientPort },
    tls: await filesOf("control-plane"),
    dataDir: join(folder, "control-plane"),
    clusters: [{ name: cluster, tokenFile: clusterToken }],
  };
  entries.push(["control-plane", process("control-plane", controlPlane)]);
  let replicas = 0;
  const replica = async (name: DataPlaneName, change: object = {}): Promise<ComponentProcess> => {
    const [port = 0, probePort = 0] = await freePorts(2);
    const config = { ...(await configOf(name)), listen: { host: "127.0.0.1", port, probePort } };
    const own = join(folder, `replica-${++replicas}`);
    await mkdir(own);
    return new ComponentProcess(name, own, laidOver(config, change), probePort);
  };
  const owned = stack.move();
  return {
    ...{ folder, client, store, ca, urls, token, renewCertificate, replica },
    controlPlaneUrl: `http://127.0.0.1:${clientPort}`,
    processes: Object.fromEntries(entries) as SplitHomeplane["processes"],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What each account may do is the chart's business; here all of them may do everything. */
async function allowAll(client: KubeClient): Promise<void> {
  const type = {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    plural: "clusterrolebindings",
    kind: "ClusterRoleBinding",
    namespaced: false,
  } as const;
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "union-all" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: `system:serviceaccounts:${namespace}` }],
  };
  await ensure(() => client.create(type, binding));
}

async function ensure(create: () => Promise<unknown>): Promise<void> {
  await create().catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

/** Free now: taken a moment later, and a start that loses the race fails and says so. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function laidOver(config: object, change: object): object {
  const merged = Object.entries(change).map(([key, value]: [string, unknown]) => {
    const before: unknown = (config as Record<string, unknown>)[key];
    const sections = typeof value === "object" && value !== null && typeof before === "object" && before !== null;
    return [key, sections ? { ...before, ...value } : value] as const;
  });
  return { ...config, ...Object.fromEntries(merged) };
}
