/**
 * Homeplane as `homeplane up` starts it, but on the API server of a kubeconfig, for which the process runtime is the kubelet:
 *
 *   node homeplane-on-api.ts <kubeconfig> up --port 0 --data-dir <folder> --python <path> --json
 */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { httpTransport, KubeClient, loadKubeconfig, nodes } from "@homeplane/kube";
import type { ProcessRuntime } from "@homeplane/kube-embedded";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { upConfig } from "../../packages/cli/src/up/config.ts";
import { prepare, processRuntime, type startKubernetes } from "../../packages/cli/src/up/kubernetes.ts";
import { up } from "../../packages/cli/src/up/up.ts";
import { serveKubeletLogs } from "./kubelet-logs.ts";

const on =
  (kubeconfigPath: string): typeof startKubernetes =>
  async (config, paths, python, _port, component) => {
    const transport = httpTransport(await loadKubeconfig(kubeconfigPath));
    const client = (userAgent: string): KubeClient =>
      new KubeClient({ transport, log: component(userAgent), clock, random: Math.random, userAgent });
    await prepare(client("homeplane"));
    await mkdir(paths.kube, { recursive: true });
    const runtime: ProcessRuntime = await processRuntime(config, paths, python, client, component);
    const logs = await serveKubeletLogs(client("kubelet"), (request) => runtime.podLogs(request));
    await announce(client("kubelet"), logs.port);
    const close = async (): Promise<void> => {
      await logs.close();
      await transport.close();
    };
    return { kubeconfigPath, port: 0, client, services: [runtime], close };
  };

/** Where the API server finds the logs of the node's pods. */
async function announce(client: KubeClient, port: number): Promise<void> {
  const name = "local";
  const addresses = [{ type: "InternalIP", address: "127.0.0.1" }];
  const status = { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } };
  await client.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name } }).catch(() => undefined);
  await client.patch(nodes, { name }, { status }, { subresource: "status" });
}

const [kubeconfig = "", , ...rest] = process.argv.slice(2);
const text = { type: "string" } as const;
const { values } = parseArgs({
  args: rest,
  options: { port: text, "data-dir": text, python: text, json: { type: "boolean" } },
});
const { "data-dir": dataDir, ...options } = values;
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());
const { endpoints, stopped } = await up(
  upConfig({ dataDir, ...options }, process.env, "test"),
  stop.signal,
  on(kubeconfig),
);
process.stdout.write(`${JSON.stringify(endpoints)}\n`);
await stopped;
