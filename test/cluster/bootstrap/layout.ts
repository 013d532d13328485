/** Where everything of the test cluster is: folders, addresses, ports. There is one cluster on a machine, so they are fixed. */
import { homedir } from "node:os";
import { join } from "node:path";

const state = join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local/state"), "homeplane/test-cluster");

/** What an API server and its etcd need to know; `minimal` runs beside the full cluster. */
export interface Place {
  readonly folder: string;
  /** Of the API server. */
  readonly address: string;
  /** Only this machine's own processes reach it. */
  readonly etcdAddress: string;
  /** False keeps etcd from waiting for the disk. */
  readonly fsync: boolean;
}

export const full: Place = {
  folder: join(state, "full"),
  address: "10.99.0.1",
  etcdAddress: "127.99.0.1",
  fsync: false,
};
export const minimal: Place = {
  folder: join(state, "minimal"),
  address: "127.99.0.2",
  etcdAddress: "127.99.0.2",
  fsync: true,
};

export const apiUrl = ({ address }: Place): string => `https://${address}:6443`;
export const credentials = ({ folder }: Place, file: string): string => join(folder, "credentials", file);
export const kubeconfigOf = (place: Place, who = "admin"): string => credentials(place, `${who}.kubeconfig`);

export const auditLogOf = ({ folder }: Place): string => join(folder, "logs/audit.log");

export const node = {
  name: "hpnode0",
  /** A bridge without ports: the machines that run tests have no dummy devices. */
  device: "hpnode0",
  address: full.address,
} as const;

export const network = { services: "10.96.0.0/16", dns: "10.96.0.10", pods: "10.98.0.0/16" } as const;

/** Emptied by a restart of the machine, as containerd expects of its state. */
export const runFolder = "/run/homeplane-test-cluster";
export const containerdSocket = `${runFolder}/containerd.sock`;
export const cniFolders = { conf: join(full.folder, "cni/conf"), bin: join(full.folder, "cni/bin") } as const;

export const registry = `${node.address}:5000`;
export const minioUrl = `https://${node.address}:9000`;
export const buckets = ["homeplane-metadata", "homeplane-fast-registration"] as const;
export const tokenAudience = "sts.amazonaws.com";
