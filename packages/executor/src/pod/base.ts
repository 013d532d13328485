/** The pod as the task template has it: a container of its own, or a pod template with a primary container. */
import { apiVersionOf, type Container, type Pod, type PodSpec, pods } from "@homeplane/kube";
import {
  type Container as TemplateContainer,
  Resources_ResourceName as ResourceName,
} from "@homeplane/idl/flyteidl2/core/tasks";
import { InvalidSpecError, type PodContext } from "./task.ts";

const defaultPrimary = "primary";

export function primaryContainerName({ template }: Pick<PodContext, "template">): string {
  const { target } = template;
  return (target.case === "k8sPod" ? target.value.primaryContainerName : "") || defaultPrimary;
}

export function basePod(ctx: PodContext): Pod {
  const { target } = ctx.template;
  const metadata = { name: ctx.name, namespace: ctx.taskAction.metadata.namespace ?? "" };
  const pod = { apiVersion: apiVersionOf(pods), kind: pods.kind, metadata };
  switch (target.case) {
    case "container":
      return { ...pod, spec: { containers: [containerOf(target.value, defaultPrimary)] } };
    case "k8sPod": {
      const spec = target.value.podSpec as unknown;
      if (!isPodSpec(spec)) throw new InvalidSpecError("taskTemplate.k8s_pod.pod_spec", "has no list of containers");
      const { labels = {}, annotations = {} } = target.value.metadata ?? {};
      return {
        ...pod,
        metadata: { ...metadata, labels: { ...labels }, annotations: { ...annotations } },
        spec: structuredClone(spec),
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

function containerOf(container: TemplateContainer, name: string): Container {
  const requests = entries(container.resources?.requests ?? []);
  const limits = entries(container.resources?.limits ?? []);
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
  [ResourceName.GPU]: "nvidia.com/gpu",
  [ResourceName.STORAGE]: "ephemeral-storage",
  [ResourceName.EPHEMERAL_STORAGE]: "ephemeral-storage",
};

function entries(list: readonly { name: ResourceName; value: string }[]): Record<string, string> {
  const known = list.flatMap(({ name, value }) => {
    const key = resourceNames[name];
    return key === undefined || value === "" ? [] : [[key, value] as const];
  });
  return Object.fromEntries(known);
}
