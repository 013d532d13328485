/** etcd, API server, controller manager, scheduler. */
import { join } from "node:path";
import { configure } from "./configure.ts";
import type { Daemon } from "./daemon.ts";
import { apiUrl, auditLogOf, credentials, full, kubeconfigOf, network, node, type Place } from "./layout.ts";
import { run } from "./run.ts";

/** @param bin where the programs are, by their names */
export function etcd(bin: string, { folder, etcdAddress: address, fsync }: Place): Daemon {
  const [client, peer] = [`http://${address}:2379`, `http://${address}:2380`];
  return {
    name: "etcd",
    program: join(bin, "etcd"),
    args: [
      ...["--data-dir", join(folder, "etcd"), "--log-level", "warn"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `default=${peer}`],
      ...["--auto-compaction-retention", "5m", "--quota-backend-bytes", String(4 * 1024 ** 3)],
      ...(fsync ? [] : ["--unsafe-no-fsync"]),
    ],
    check: `${client}/health`,
  };
}

/** Who writes what, in one line a write: counted by benchmarks. What a node and the cluster's own controllers write is not told. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "None", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] },
    { level: "Metadata", verbs: ["create", "update", "patch", "delete", "deletecollection"] },
    { level: "None" },
  ],
};

export async function apiServer(bin: string, place: Place): Promise<Daemon> {
  const policy = await configure(join(place.folder, "audit-policy.json"), JSON.stringify(auditPolicy));
  const file = (name: string): string => credentials(place, name);
  return {
    name: "kube-apiserver",
    program: join(bin, "kube-apiserver"),
    args: [
      ...["--etcd-servers", `http://${place.etcdAddress}:2379`],
      ...["--bind-address", place.address, "--advertise-address", place.address, "--secure-port", "6443"],
      ...["--tls-cert-file", file("apiserver.crt"), "--tls-private-key-file", file("apiserver.key")],
      ...["--kubelet-client-certificate", file("apiserver-kubelet-client.crt")],
      ...["--kubelet-client-key", file("apiserver-kubelet-client.key")],
      ...["--proxy-client-cert-file", file("front-proxy.crt"), "--proxy-client-key-file", file("front-proxy.key")],
      ...["--client-ca-file", file("ca.crt"), "--kubelet-certificate-authority", file("ca.crt")],
      ...["--requestheader-client-ca-file", file("ca.crt"), "--requestheader-allowed-names", "front-proxy"],
      ...["--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group"],
      ...["--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--enable-aggregator-routing=true"],
      ...["--kubelet-preferred-address-types", "InternalIP"],
      ...["--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction"],
      // The object store's STS reads the keys there.
      ...["--service-account-issuer", apiUrl(place)],
      ...["--service-account-jwks-uri", `${apiUrl(place)}/openid/v1/jwks`],
      ...["--service-account-key-file", file("accounts.key")],
      ...["--service-account-signing-key-file", file("accounts.key")],
      ...["--service-cluster-ip-range", network.services, "--allow-privileged=true", "--profiling=false"],
      ...["--audit-policy-file", policy, "--audit-log-path", auditLogOf(place)],
      ...["--audit-log-maxsize", "50", "--audit-log-maxbackup", "1"],
    ],
    files: [policy],
    readyMs: 90_000,
    check: `${apiUrl(place)}/readyz`,
  };
}

export const kubectlAs = (place: Place): string[] => ["--kubeconfig", kubeconfigOf(place), "--request-timeout=5s"];

export function controllerManager(bin: string): Daemon {
  const config = kubeconfigOf(full, "controller-manager");
  const file = (name: string): string => credentials(full, name);
  return {
    name: "kube-controller-manager",
    program: join(bin, "kube-controller-manager"),
    args: [
      ...["--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config],
      ...["--bind-address", full.etcdAddress, "--leader-elect=false", "--use-service-account-credentials=true"],
      ...["--root-ca-file", file("ca.crt"), "--service-account-private-key-file", file("accounts.key")],
      ...["--cluster-signing-cert-file", file("ca.crt"), "--cluster-signing-key-file", file("ca.key")],
      ...["--allocate-node-cidrs=true", "--cluster-cidr", network.pods, "--node-cidr-mask-size", "24"],
      ...["--service-cluster-ip-range", network.services, "--requestheader-client-ca-file", file("ca.crt")],
    ],
    check: healthz(10257),
  };
}

export function scheduler(bin: string): Daemon {
  const config = kubeconfigOf(full, "scheduler");
  return {
    name: "kube-scheduler",
    program: join(bin, "kube-scheduler"),
    args: [
      ...["--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config],
      ...["--bind-address", full.etcdAddress, "--leader-elect=false"],
    ],
    check: healthz(10259),
  };
}

const healthz = (port: number): string => `https://${full.etcdAddress}:${port}/healthz`;

export const nodeReady = async (kubectl: string): Promise<boolean> => {
  const path = `jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
  return (await run(kubectl, [...kubectlAs(full), "get", "node", node.name, "-o", path])) === "True";
};
