/** The pod as the task template has it: a container of its own, or a pod template with a primary container. */
import { primaryContainerName } from "@homeplane/idl";
import { apiVersionOf, type Container, type Pod, type PodSpec, pods } from "@homeplane/kube";
import {
  type Container as TemplateContainer,
  Resources_ResourceName as ResourceName,
} from "@homeplane/idl/flyteidl2/core/tasks";
import { deviceResource } from "./devices.ts";
import { InvalidSpecError, type PodContext } from "./task.ts";

export function basePod(ctx: PodContext): Pod {
  const { target } = ctx.template;
  const metadata = { name: ctx.name, namespace: ctx.taskAction.metadata.namespace ?? "" };
  const pod = { apiVersion: apiVersionOf(pods), kind: pods.kind, metadata };
  switch (target.case) {
    case "container":
      return {
        ...pod,
        spec: {
          containers: [containerOf(target.value, primaryContainerName(ctx.template), deviceResource(ctx.template))],
        },
      };
    case "k8sPod": {
      const spec = target.value.podSpec as unknown;
      if (!isPodSpec(spec)) throw new InvalidSpecError("taskTemplate.k8s_pod.pod_spec", "has no list of containers");
      const { labels = {}, annotations = {} } = target.value.metadata ?? {};
      return {
        ...pod,
        metadata: { ...metadata, labels: { ...labels }, annotations: { ...annotations } },
        spec: withDevices(structuredClone(spec), deviceResource(ctx.template)),
      };
    }
    default:
      throw new InvalidSpecError("taskTemplate.target", "must be a container or a pod");
  }
}

function isPodSpec(spec: unknown): spec is PodSpec {
  if (typeof spec !== "object" || spec === null || !("containers" in spec)) return false;
  return Array.isArray(spec.containers) && spec.containers.length > 0;
}

/** The SDK writes the number of GPUs into a pod template as "gpu", which Kubernetes has no resource of. */
function withDevices(spec: PodSpec, device: string): PodSpec {
  const renamed = (list: Record<string, string> | undefined): Record<string, string> | undefined =>
    list && Object.fromEntries(Object.entries(list).map(([name, value]) => [name === "gpu" ? device : name, value]));
  const containers = spec.containers.map((container) => {
    const requests = renamed(container.resources?.requests);
    const limits = renamed(container.resources?.limits);
    const resources = { ...container.resources, ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
    return container.resources === undefined ? container : { ...container, resources };
  });
  return { ...spec, containers };
}

function containerOf(container: TemplateContainer, name: string, device: string): Container {
  const requests = entries(container.resources?.requests ?? [], device);
  const limits = entries(container.resources?.limits ?? [], device);
  return {
    name,
    image: container.image,
    ...(container.command.length > 0 ? { command: container.command } : {}),
    args: container.args,
    env: container.env.map(({ key, value }) => ({ name: key, value })),
    ports: container.ports.map((port) => ({
      containerPort: port.containerPort,
      ...(port.name ? { name: port.name } : {}),
    })),
    resources: { requests, limits },
  };
}

const resourceNames: Readonly<Partial<Record<ResourceName, string>>> = {
  [ResourceName.CPU]: "cpu",
  [ResourceName.MEMORY]: "memory",
  [ResourceName.STORAGE]: "ephemeral-storage",
  [ResourceName.EPHEMERAL_STORAGE]: "ephemeral-storage",
};

function entries(list: readonly { name: ResourceName; value: string }[], device: string): Record<string, string> {
  const known = list.flatMap(({ name, value }) => {
    const key = name === ResourceName.GPU ? device : resourceNames[name];
    return key === undefined || value === "" ? [] : [[key, value] as const];
  });
  return Object.fromEntries(known);
}
