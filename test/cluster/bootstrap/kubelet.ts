import { join } from "node:path";
import { configure } from "./configure.ts";
import type { Daemon } from "./daemon.ts";
import { containerdSocket, credentials, full, kubeconfigOf, network, node } from "./layout.ts";

export async function kubelet(bin: string): Promise<Daemon> {
  const folder = join(full.folder, "kubelet");
  const config = await configure(
    join(folder, "config.json"),
    JSON.stringify({
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      address: node.address,
      healthzBindAddress: node.address,
      tlsCertFile: credentials(full, "kubelet.crt"),
      tlsPrivateKeyFile: credentials(full, "kubelet.key"),
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: credentials(full, "ca.crt") },
      },
      authorization: { mode: "Webhook" },
      containerRuntimeEndpoint: `unix://${containerdSocket}`,
      cgroupDriver: "cgroupfs",
      failCgroupV1: false,
      failSwapOn: false,
      clusterDomain: "cluster.local",
      clusterDNS: [network.dns],
      podLogsDir: join(folder, "pod-logs"),
      serializeImagePulls: false,
      maxPods: 110,
      // What was imported can not be pulled again.
      imageGCHighThresholdPercent: 100,
      // A developer's disk is often nearly full, and that is not what a test is about.
      evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    }),
  );
  return {
    name: "kubelet",
    program: join(bin, "kubelet"),
    args: [
      ...["--config", config, "--root-dir", join(folder, "root"), "--kubeconfig", kubeconfigOf(full, "kubelet")],
      ...["--hostname-override", node.name, "--node-ip", node.address],
    ],
    files: [config],
    check: `http://${node.address}:10248/healthz`,
  };
}
