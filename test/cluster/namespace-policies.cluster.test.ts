/** What a task's pod reaches through the policies that the operator writes, tried from such a pod on a cluster that enforces them. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { type NamespaceConfig, namespaceDefaults, objectStoreEgress } from "@homeplane/operator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { desired } from "../../packages/operator/src/namespaces/desired.ts";
import { namespaceMetadata, ownedBy, tenantOf } from "../../packages/operator/src/namespaces/names.ts";
import { busyboxImage } from "./bootstrap/images.ts";
import { run } from "./bootstrap/run.ts";
import { type ClusterEnvironment, realCluster } from "./real-cluster.ts";

const platform = "policy-probe-platform";
const strict = tenantOf("policy-probe", "development");
const open = tenantOf("policy-probe", "open");
const other = tenantOf("policy-probe", "other");
const metadataAddress = "169.254.169.254";

const restricted = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 1000,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};
const pod = (namespace: string, name: string, command: string, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace, name, labels },
  spec: {
    ...(namespace === platform ? {} : { serviceAccountName: "task" }),
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "main", image: busyboxImage, command: ["sh", "-c", command], securityContext: restricted }],
  },
});
const serve = (port: number): string =>
  `mkdir -p /tmp/www && echo here > /tmp/www/index.html && httpd -f -p ${port} -h /tmp/www`;
const service = (name: string, port: number, labels: object): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: platform, name },
  spec: { selector: labels, ports: [{ port }] },
});

describe("a task's pod", { timeout: 120_000 }, () => {
  let cluster: ClusterEnvironment;
  let outside: Server;
  let metadata: Server | undefined;
  const addresses = new Map<string, string>();

  const kubectl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args])).stdout;
  const apply = (objects: readonly object[]): Promise<string> => {
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    return run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, "apply", "-f", "-"], { input: list });
  };
  const inPod = (namespace: string, ...command: string[]): Promise<boolean> =>
    kubectl("-n", namespace, "exec", "client", "--", "timeout", "3", ...command).then(
      () => true,
      () => false,
    );
  const connects = (namespace: string, host: string, port: number): Promise<boolean> =>
    inPod(namespace, "sh", "-c", `nc -w 2 ${host} ${port} < /dev/null`);

  beforeAll(async () => {
    cluster = await realCluster();
    await remove();
    const gateway = { ...namespaceDefaults.gateway, namespace: platform, port: 8443 };
    const egress = { ...namespaceDefaults.egress, objectStore: objectStoreEgress([cluster.minio.endpoint]) };
    const config: NamespaceConfig = { ...namespaceDefaults, gateway, egress };
    const wide = [{ cidr: "0.0.0.0/0", ports: Array.from({ length: 3 }, (_, n) => 18_080 + n) }];
    const configs = new Map([
      [strict, config],
      [other, config],
      [open, { ...config, egress: { ...egress, extra: wide } }],
    ]);
    await kubectl("create", "namespace", platform);
    for (const [tenant, of] of configs) {
      const { name, labels = {} } = namespaceMetadata(tenant, of);
      // Without the mark: an operator that is installed on this cluster would keep it.
      const { [ownedBy.key]: _mark, ...kept } = labels;
      await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: kept } }]);
      const wanted = desired(tenant, of, undefined).filter(({ type }) => type.plural !== "rolebindings");
      await apply(wanted.map(({ object }) => object));
    }
    const others = { app: "control-plane" };
    await apply([
      pod(platform, "gateway", serve(8443), gateway.podLabels),
      pod(platform, "control-plane", serve(8443), others),
      service("gateway", 8443, gateway.podLabels),
      service("control-plane", 8443, others),
      pod(other.namespace, "server", serve(8443)),
      pod(strict.namespace, "neighbour", serve(8443)),
      ...[strict.namespace, open.namespace, platform].map((namespace) => pod(namespace, "client", "sleep 600")),
    ]);
    for (const [namespace, name] of [
      [platform, "gateway"],
      [platform, "control-plane"],
      [other.namespace, "server"],
      [strict.namespace, "neighbour"],
      [platform, "client"],
      [strict.namespace, "client"],
      [open.namespace, "client"],
    ] as const) {
      await kubectl("-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s");
      addresses.set(
        name,
        (await kubectl("-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.podIP}")).trim(),
      );
    }
    outside = await listen(cluster.nodeAddress);
    await run("ip", ["address", "add", `${metadataAddress}/32`, "dev", "lo"]);
    metadata = await listen(metadataAddress);
  }, 2_400_000);

  afterAll(async () => {
    outside.close();
    metadata?.close();
    await run("ip", ["address", "delete", `${metadataAddress}/32`, "dev", "lo"]).catch(() => undefined);
    await remove("--wait=false");
  });

  const remove = (...more: string[]): Promise<string> =>
    kubectl(
      ...["delete", "namespace", platform, strict.namespace, open.namespace, other.namespace, "--ignore-not-found"],
      ...more,
    );
  /** Somebody who answers on the node, as instance metadata and other hosts do; on ports that only the open namespace may use. */
  async function listen(host: string): Promise<Server> {
    const server = createServer((_, response) => void response.end("here"));
    for (const port of [18_080, 18_081, 18_082]) {
      const bound = await new Promise<boolean>((resolve) => {
        server.once("error", () => resolve(false));
        server.listen(port, host, () => resolve(true));
      });
      if (bound) return server;
    }
    throw new Error(`ports 18080 to 18082 of ${host} are taken`);
  }
  const portOf = (server: Server | undefined): number => (server?.address() as AddressInfo | undefined)?.port ?? 0;
  const address = (name: string): string => addresses.get(name) ?? "";

  test("reaches DNS, the object store and the task gateway, also behind its Service", async () => {
    const { namespace } = strict;
    await expect
      .poll(() => inPod(namespace, "nslookup", "kubernetes.default.svc.cluster.local"), { timeout: 20_000 })
      .toBe(true);
    const store = new URL(cluster.minio.endpoint);
    expect(await connects(namespace, store.hostname, Number(store.port))).toBe(true);
    expect(await connects(namespace, address("gateway"), 8443)).toBe(true);
    expect(await inPod(namespace, "wget", "-qO-", `http://gateway.${platform}.svc.cluster.local:8443`)).toBe(true);
  });

  test("reaches nothing else, and is reached by nobody: API server, control plane, another project's pod, the node, instance metadata", async () => {
    const { namespace } = strict;
    const kubernetes = ["-n", "default", "get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"];
    const endpoints = "jsonpath={.subsets[0].addresses[0].ip} {.subsets[0].ports[0].port}";
    const [api = "", port = ""] = (
      await kubectl("-n", "default", "get", "endpoints", "kubernetes", "-o", endpoints)
    ).split(" ");
    const places: [string, string, number][] = [
      ["the API server's Service", (await kubectl(...kubernetes)).trim(), 443],
      ["the API server", api, Number(port)],
      ["the control plane", address("control-plane"), 8443],
      ["another project's pod", address("server"), 8443],
      ["a pod of its own project", address("neighbour"), 8443],
      ["the node", cluster.nodeAddress, portOf(outside)],
      ["instance metadata", metadataAddress, portOf(metadata)],
      ["the kubelet", cluster.nodeAddress, 10_250],
    ];
    for (const [what, host, number] of places) {
      const reached = await Promise.all([namespace, platform].map((from) => connects(from, host, number)));
      // A place that answers nobody would show nothing.
      expect(reached, `${what} at ${host}:${number}, from a task and from a pod without policies`).toEqual([
        false,
        // Its own namespace lets nobody in, wherever he comes from.
        !["another project's pod", "a pod of its own project"].includes(what),
      ]);
    }
  });

  test("does not reach instance metadata either where its project may reach everything on that port", async () => {
    const { namespace } = open;
    expect(await connects(namespace, cluster.nodeAddress, portOf(outside)), "so the port is open").toBe(true);
    expect(await connects(namespace, metadataAddress, portOf(metadata))).toBe(false);
  });
});
