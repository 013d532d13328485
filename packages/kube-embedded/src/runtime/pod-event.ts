import type { Progress } from "./progress.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Who says it; the kubelet, if nobody. */
  readonly component?: "kubelet" | "default-scheduler";
  /** Of which container. */
  readonly container?: string;
}

/** What a kubelet says of a container's progress: what started, and what could not. */
export function eventOf(container: string, progress: Progress): PodEvent | undefined {
  if (progress.kind === "running")
    return { type: "Normal", reason: "Started", message: `Started container ${container}`, container };
  const failed = progress.kind === "waiting" || progress.reason === "StartError";
  if (!failed || progress.message === undefined) return undefined;
  return { type: "Warning", reason: "Failed", message: `Error: ${progress.message}`, container };
}
