import type { KubeObject } from "../meta.ts";
import type { Quantity } from "./pod-spec.ts";

/** Kubernetes API reference, `Node v1 core`: the fields that Homeplane reads or writes. */
export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean };
  status?: {
    capacity?: Record<string, Quantity>;
    allocatable?: Record<string, Quantity>;
    conditions?: {
      type: string;
      status: "True" | "False" | "Unknown";
      reason?: string;
      message?: string;
      lastHeartbeatTime?: string;
      lastTransitionTime?: string;
    }[];
    addresses?: { type: string; address: string }[];
    nodeInfo?: Record<string, string>;
  };
}
