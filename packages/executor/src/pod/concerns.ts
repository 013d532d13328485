/** One function per concern, each from (pod, context) to pod; `buildPod` folds over them. */
import { labels, labelValue, logsFinalizer, primaryContainerName } from "@homeplane/idl";
import { apiVersionOf, type Container, type Pod } from "@homeplane/kube";
import { cacheAnnotations, withoutCache } from "../cache/pod-cache.ts";
import { taskActionType } from "../resource.ts";
import { placeholders, render, renderInputs } from "./arguments.ts";
import { environment } from "./environment.ts";
import { type PodContext, PrimaryContainerMissing } from "./task.ts";

/** Kubernetes' own word for it: `kubectl logs` and `kubectl exec` go there. */
export const primaryContainerAnnotation = "kubectl.kubernetes.io/default-container";

type Concern = (pod: Pod, ctx: PodContext) => Pod;

/** Who it is: labels by which everybody selects it, its owner, and the hold that keeps it until its log is safe. */
export const identity: Concern = (pod, ctx) => {
  const { spec, metadata } = ctx.taskAction;
  const own = {
    [labels.managed]: "true",
    [labels.project]: labelValue(spec.project),
    [labels.domain]: labelValue(spec.domain),
    [labels.run]: labelValue(spec.runName),
    [labels.action]: labelValue(spec.actionName),
    [labels.attempt]: String(ctx.attempt),
    ...(spec.parentActionName ? { [labels.parent]: labelValue(spec.parentActionName) } : {}),
  };
  const owner = {
    apiVersion: apiVersionOf(taskActionType),
    kind: taskActionType.kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...pod.metadata.labels, ...own },
      annotations: {
        ...withoutCache(pod.metadata.annotations),
        ...cacheAnnotations(ctx.cache),
        [primaryContainerAnnotation]: primaryContainerName(ctx.template),
      },
      ownerReferences: [owner],
      finalizers: [logsFinalizer],
    },
  };
};

/** The primary container's command line with its placeholders filled, and every container's environment. */
export const program: Concern = (pod, ctx) => {
  const primary = primaryContainerName(ctx.template);
  const values = placeholders(ctx);
  if (!pod.spec.containers.some((container) => container.name === primary)) {
    throw new PrimaryContainerMissing(primary);
  }
  // In this order: what an input says is text, whatever it looks like.
  const filled = (part: string): string => renderInputs(render(part, values), ctx.inputs ?? new Map());
  return mapContainers(pod, (container) => ({
    ...container,
    ...(container.command ? { command: container.command.map(filled) } : {}),
    ...(container.args ? { args: container.args.map(filled) } : {}),
    env: container.name === primary ? environment(ctx, container.env ?? []) : (container.env ?? []),
  }));
};

export const resources: Concern = (pod, { config }) =>
  mapContainers(pod, (container) => {
    const { requests = {}, limits = {} } = container.resources ?? {};
    // A limit without a request is its own request, as Kubernetes has it.
    const merged = { ...config.defaultRequests, ...limits, ...requests };
    // Devices (`vendor/name`) can not be overcommitted: Kubernetes refuses a request without the same limit.
    const devices = Object.fromEntries(Object.entries(requests).filter(([name]) => name.includes("/")));
    const capped = { ...devices, ...limits };
    return {
      ...container,
      resources: { requests: merged, ...(Object.keys(capped).length > 0 ? { limits: capped } : {}) },
    };
  });

/** Pod Security Standards, level restricted. */
export const security: Concern = (pod, { config }) => {
  const restricted = mapContainers(pod, (container) => ({
    ...container,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      ...container.securityContext,
    },
  }));
  const { uid, gid } = config.user;
  const podContext = {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: gid,
    fsGroup: gid,
    seccompProfile: { type: "RuntimeDefault" },
  };
  return {
    ...restricted,
    spec: { ...restricted.spec, securityContext: { ...podContext, ...pod.spec.securityContext } },
  };
};

export const lifecycle: Concern = (pod, { config }) => {
  const spec = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: config.gracePeriodSeconds,
    ...(config.serviceAccount === undefined ? {} : { serviceAccountName: config.serviceAccount }),
    ...pod.spec,
    // Retries are ours alone: a container that Kubernetes restarts would run an attempt twice.
    restartPolicy: "Never" as const,
    enableServiceLinks: false,
  };
  return mapContainers({ ...pod, spec }, (container) => ({
    ...container,
    terminationMessagePolicy: container.terminationMessagePolicy ?? "FallbackToLogsOnError",
  }));
};

function mapContainers(pod: Pod, change: (container: Container) => Container): Pod {
  const { containers, initContainers } = pod.spec;
  const init = initContainers === undefined ? {} : { initContainers: initContainers.map(change) };
  return { ...pod, spec: { ...pod.spec, containers: containers.map(change), ...init } };
}
