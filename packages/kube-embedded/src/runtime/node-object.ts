import { arch, hostname, release, type } from "node:os";
import { formatQuantity, isAlreadyExists, type KubeClient, type Node, nodes } from "@homeplane/kube";
import type { Clock } from "@homeplane/runtime-kit";
import { allocatable, type NodeCapacity } from "./machine.ts";
import { statusTime } from "./pod-status.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const HEALTHY = [
  ["MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
  ["DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
  ["PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
] as const;

/** The Node that stands for this machine. Its heartbeat is that its API answers: both end together. */
export async function registerNode(
  client: KubeClient,
  name: string,
  capacity: NodeCapacity,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const at = { name };
  const architecture = ARCHITECTURES[arch()] ?? arch();
  const os = type().toLowerCase();
  const labels = { "kubernetes.io/hostname": name, "kubernetes.io/arch": architecture, "kubernetes.io/os": os };
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: {} };
  try {
    await client.create(nodes, node, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const amounts = Object.fromEntries(
    [...allocatable(capacity)].map(([resource, milli]) => {
      const binary = resource === "memory" || resource === "ephemeral-storage";
      return [resource, formatQuantity({ milli, binary })];
    }),
  );
  const now = statusTime(clock.now());
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  const status: NonNullable<Node["status"]> = {
    capacity: amounts,
    allocatable: amounts,
    conditions: [
      ...HEALTHY.map(([kind, reason, message]) => ({
        type: kind,
        status: "False" as const,
        reason,
        message,
        ...times,
      })),
      { type: "Ready", status: "True", reason: "KubeletReady", message: "pods run as local processes", ...times },
    ],
    addresses: [
      { type: "InternalIP", address: "127.0.0.1" },
      { type: "Hostname", address: hostname() },
    ],
    nodeInfo: {
      architecture,
      operatingSystem: os,
      kernelVersion: release(),
      osImage: `${type()} ${release()}`,
      containerRuntimeVersion: "process://1",
      kubeletVersion: "v1.33.0+homeplane",
      kubeProxyVersion: "",
      machineID: "",
      systemUUID: "",
      bootID: "",
    },
  };
  await client.patch(nodes, at, { status }, { subresource: "status", signal });
}
