import type { Container, Pod } from "@homeplane/kube";
import { cacheAnnotations, cacheOfPod } from "../cache/pod-cache.ts";
import { primaryContainerAnnotation } from "../pod/concerns.ts";

/** What the informer keeps of a pod: what `observePod` and the checks of ownership read. */
export type PodRecord = Pod;

export function projectPod(pod: Pod): PodRecord {
  const { metadata, spec, status } = pod;
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? "",
      uid: metadata.uid ?? "",
      creationTimestamp: metadata.creationTimestamp ?? "",
      ...(metadata.deletionTimestamp ? { deletionTimestamp: metadata.deletionTimestamp } : {}),
      ...(metadata.deletionGracePeriodSeconds
        ? { deletionGracePeriodSeconds: metadata.deletionGracePeriodSeconds }
        : {}),
      annotations: {
        [primaryContainerAnnotation]: metadata.annotations?.[primaryContainerAnnotation] ?? "",
        ...cacheAnnotations(cacheOfPod(pod)),
      },
      ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
    },
    spec: {
      containers: spec.containers.map(({ name }) => ({ name })),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(initRecord) } : {}),
      ...(spec.nodeName ? { nodeName: spec.nodeName } : {}),
    },
    ...(status
      ? {
          status: {
            ...(status.phase ? { phase: status.phase } : {}),
            ...(status.reason ? { reason: status.reason } : {}),
            ...(status.message ? { message: status.message } : {}),
            ...(status.conditions ? { conditions: status.conditions.filter(isRead) } : {}),
            ...(status.containerStatuses ? { containerStatuses: status.containerStatuses } : {}),
            ...(status.initContainerStatuses ? { initContainerStatuses: status.initContainerStatuses } : {}),
          },
        }
      : {}),
  };
}

function initRecord({ name, restartPolicy }: Container): Container {
  return restartPolicy === undefined ? { name } : { name, restartPolicy };
}

function isRead({ type }: { type: string }): boolean {
  return type === "PodScheduled" || type === "Initialized" || type === "DisruptionTarget";
}

/** The TaskAction that a pod belongs to. */
export function ownerOf({ metadata }: Pod): { uid: string; key: string } | undefined {
  const owner = metadata.ownerReferences?.find(
    (reference) => reference.controller === true && reference.kind === "TaskAction",
  );
  return owner === undefined ? undefined : { uid: owner.uid, key: `${metadata.namespace ?? ""}/${owner.name}` };
}
