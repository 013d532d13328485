import type { Pod, PodSpec, PodStatus } from "@homeplane/kube";
import { keyOf } from "@homeplane/kube";

/** What the process runtime uses of a pod; the informer keeps no more. */
export interface PodView {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Set when the pod is to go: how long its processes have, in seconds. */
  readonly deletion?: { readonly graceSeconds: number };
  readonly spec: PodSpec;
  readonly status: PodStatus;
}

const DEFAULT_GRACE_SECONDS = 30;

export function podView(pod: Pod): PodView {
  const { metadata } = pod;
  const graceSeconds = metadata.deletionGracePeriodSeconds ?? specGraceSeconds(pod.spec);
  return {
    key: keyOf(metadata),
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    createdAt: metadata.creationTimestamp ?? "",
    ...(metadata.deletionTimestamp === undefined ? {} : { deletion: { graceSeconds } }),
    spec: pod.spec,
    status: pod.status ?? {},
  };
}

export function specGraceSeconds(spec: PodSpec): number {
  return spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

export function isTerminal(pod: PodView): boolean {
  return pod.status.phase === "Succeeded" || pod.status.phase === "Failed";
}
