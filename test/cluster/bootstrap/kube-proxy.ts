import { join } from "node:path";
import { configure } from "./configure.ts";
import type { Daemon } from "./daemon.ts";
import { full, kubeconfigOf, network, node } from "./layout.ts";

export async function kubeProxy(bin: string): Promise<Daemon> {
  const config = await configure(
    join(full.folder, "kube-proxy.json"),
    JSON.stringify({
      apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
      kind: "KubeProxyConfiguration",
      mode: "iptables",
      bindAddress: node.address,
      healthzBindAddress: `${node.address}:10256`,
      metricsBindAddress: `${full.etcdAddress}:10249`,
      clientConnection: { kubeconfig: kubeconfigOf(full, "proxy") },
      clusterCIDR: network.pods,
      hostnameOverride: node.name,
      // These settings of the kernel are not ours to change.
      conntrack: { maxPerCore: 0, min: 0 },
    }),
  );
  return {
    name: "kube-proxy",
    program: join(bin, "kube-proxy"),
    args: ["--config", config],
    files: [config],
    check: `http://${node.address}:10256/healthz`,
  };
}
