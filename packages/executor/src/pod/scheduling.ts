/** Where a pod may run on a real cluster. A task's own pod template adds to what is configured, and goes before it where both name the same. */
import type { Pod } from "@homeplane/kube";
import type { PodContext } from "./task.ts";

export function scheduling(pod: Pod, { config: { cluster } }: PodContext): Pod {
  if (cluster === undefined) return pod;
  const { spec } = pod;
  const nodeSelector = { ...cluster.nodeSelector, ...spec.nodeSelector };
  const tolerations = [...(spec.tolerations ?? []), ...cluster.tolerations];
  const pullSecrets = new Set([...(spec.imagePullSecrets ?? []).map(({ name }) => name), ...cluster.imagePullSecrets]);
  const priorityClassName = spec.priorityClassName ?? cluster.priorityClassName;
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...cluster.labels } },
    spec: {
      ...spec,
      ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
      ...(tolerations.length > 0 ? { tolerations } : {}),
      ...(pullSecrets.size > 0 ? { imagePullSecrets: [...pullSecrets].map((name) => ({ name })) } : {}),
      ...(priorityClassName === "" ? {} : { priorityClassName }),
      // Python as process 1 ignores SIGTERM: a pause container is process 1 then, and an abort ends the task at once.
      shareProcessNamespace: spec.shareProcessNamespace ?? true,
    },
  };
}
