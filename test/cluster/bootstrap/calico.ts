/** Network policies: Calico's CNI plug-in gives pods their interfaces, its Felix enforces the policies on them. */
import { copyFile, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import { cniFolders, full, kubeconfigOf, network, node } from "./layout.ts";

/** @param debian where the programs of the Debian packages are; @param folder of Calico's own */
export async function installCni(debian: string, folder: string): Promise<void> {
  for (const path of Object.values(cniFolders)) await mkdir(path, { recursive: true });
  const install = async (from: string): Promise<void> => {
    const to = join(cniFolders.bin, from.slice(from.lastIndexOf("/") + 1));
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  };
  await install(join(folder, "calico"));
  for (const plugin of ["host-local", "portmap", "loopback"]) await install(join(debian, "usr/lib/cni", plugin));
  const calico = {
    type: "calico",
    log_level: "info",
    log_file_path: join(full.folder, "logs/calico-cni.log"),
    datastore_type: "kubernetes",
    nodename: node.name,
    // That file is the business of the node agent that does not run here.
    nodename_file_optional: true,
    mtu: 1400,
    ipam: { type: "host-local", subnet: "usePodCidr", dataDir: join(full.folder, "cni/addresses") },
    policy: { type: "k8s" },
    kubernetes: { kubeconfig: kubeconfigOf(full, "calico") },
  };
  const ports = { type: "portmap", snat: true, capabilities: { portMappings: true } };
  const list = { name: "k8s-pod-network", cniVersion: "0.3.1", plugins: [calico, ports] };
  await writeFile(join(cniFolders.conf, "10-calico.conflist"), JSON.stringify(list));
}

/** The files of its resource definitions. */
export async function definitions(calico: string): Promise<string[]> {
  const folder = join(calico, "crd");
  return (await readdir(folder)).filter((file) => file.endsWith(".yaml")).map((file) => join(folder, file));
}

export const calicoObjects = [
  {
    apiVersion: "crd.projectcalico.org/v1",
    kind: "ClusterInformation",
    metadata: { name: "default" },
    spec: { datastoreReady: true, clusterType: "k8s", calicoVersion: "v3.30.0" },
  },
  {
    apiVersion: "crd.projectcalico.org/v1",
    kind: "IPPool",
    metadata: { name: "default" },
    spec: { cidr: network.pods, natOutgoing: true, ipipMode: "Never", vxlanMode: "Never" },
  },
];

const healthPort = 9099;

export function felix(folder: string): Daemon {
  return {
    name: "calico-felix",
    program: join(folder, "calico-felix"),
    args: [],
    env: {
      KUBECONFIG: kubeconfigOf(full, "calico"),
      FELIX_DATASTORETYPE: "kubernetes",
      FELIX_FELIXHOSTNAME: node.name,
      FELIX_DEFAULTENDPOINTTOHOSTACTION: "ACCEPT",
      FELIX_IPTABLESBACKEND: "NFT",
      FELIX_IPV6SUPPORT: "false",
      FELIX_BPFENABLED: "false",
      FELIX_XDPENABLED: "false",
      FELIX_IPINIPENABLED: "false",
      FELIX_USAGEREPORTINGENABLED: "false",
      FELIX_HEALTHENABLED: "true",
      FELIX_HEALTHHOST: full.etcdAddress,
      FELIX_HEALTHPORT: String(healthPort),
      FELIX_LOGFILEPATH: "none",
      FELIX_LOGSEVERITYSYS: "none",
      FELIX_LOGSEVERITYSCREEN: "Warning",
    },
    check: `http://${full.etcdAddress}:${healthPort}/readiness`,
  };
}
