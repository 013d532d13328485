/** This machine as the cluster's node: its address, containerd, kubelet, kube-proxy. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Daemon } from "./daemon.ts";
import {
  cniFolders,
  containerdSocket,
  credentials,
  full,
  kubeconfigOf,
  network,
  node,
  registry,
  runFolder,
} from "./layout.ts";
import { pauseImage } from "./images.ts";
import { run, succeeds } from "./run.ts";

/** The node's address, and that packets pass from pod to pod. */
export async function setUpNetwork(): Promise<void> {
  if (!(await succeeds("ip", "link", "show", node.device)))
    await run("ip", ["link", "add", node.device, "type", "bridge"]);
  await run("ip", ["address", "replace", `${node.address}/32`, "dev", node.device]);
  await run("ip", ["link", "set", node.device, "up"]);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
}

/** Writes only what changed: a daemon that reads it is started again by its content. */
async function configure(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFile(path, text);
  return path;
}

const mirror = (host: string): string =>
  `server = "${host}"\n\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"]\n`;

/** @param debian where the programs of the Debian packages are */
export async function containerd(debian: string): Promise<Daemon> {
  const folder = join(full.folder, "containerd");
  const hosts = join(folder, "hosts");
  await mkdir(runFolder, { recursive: true, mode: 0o711 });
  await configure(join(hosts, registry, "hosts.toml"), mirror(`http://${registry}`));
  await configure(join(hosts, "ghcr.io/hosts.toml"), mirror("https://ghcr.io"));
  const config = await configure(
    join(folder, "config.toml"),
    `version = 2
root = "${join(folder, "root")}"
state = "${runFolder}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE no process gets a lower score than its parent has.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolders.bin}"
    conf_dir = "${cniFolders.conf}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "${join(debian, "usr/sbin/runc")}"
`,
  );
  return {
    name: "containerd",
    program: join(debian, "usr/bin/containerd"),
    args: ["--config", config],
    // It finds its shim by the path.
    env: { PATH: `${join(debian, "usr/bin")}:${process.env["PATH"]}` },
    files: [config],
    check: `unix:${containerdSocket}`,
  };
}

/** The command that asks containerd for what Kubernetes has in it. */
export const ctr = (debian: string, ...args: string[]): [string, ...string[]] => [
  join(debian, "usr/bin/ctr"),
  ...["--address", containerdSocket, "--namespace", "k8s.io", "--timeout", "10s", ...args],
];

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
