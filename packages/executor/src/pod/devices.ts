/** GPUs and other accelerators, and shared memory: the template's `extended_resources` (the SDK's `Resources(gpu=..., shm=...)`). */
import { primaryContainerName } from "@homeplane/idl";
import {
  type GPUAccelerator,
  GPUAccelerator_DeviceClass as DeviceClass,
  type TaskTemplate,
} from "@homeplane/idl/flyteidl2/core/tasks";
import type { Container, Pod, PodSpec } from "@homeplane/kube";
import type { PodContext } from "./task.ts";

/** What device plug-ins call their devices. */
const deviceResources: Readonly<Record<number, string>> = {
  [DeviceClass.NVIDIA_GPU]: "nvidia.com/gpu",
  [DeviceClass.GOOGLE_TPU]: "google.com/tpu",
  [DeviceClass.AMAZON_NEURON]: "aws.amazon.com/neuron",
  [DeviceClass.AMD_GPU]: "amd.com/gpu",
  [DeviceClass.HABANA_GAUDI]: "habana.ai/gaudi",
};
/** GKE's TPU nodes know nothing of the label that other accelerators have. */
const tpuLabels = { model: "cloud.google.com/gke-tpu-accelerator", topology: "cloud.google.com/gke-tpu-topology" };

/** What "a GPU" is for this task: the SDK sends the number apart from the kind. */
export function deviceResource({ extendedResources }: Pick<TaskTemplate, "extendedResources">): string {
  const kind = extendedResources?.gpuAccelerator?.deviceClass ?? DeviceClass.NVIDIA_GPU;
  return deviceResources[kind] ?? "nvidia.com/gpu";
}

export function devices(pod: Pod, ctx: PodContext): Pod {
  const { cluster } = ctx.config;
  if (cluster === undefined) return pod;
  const accelerator = ctx.template.extendedResources?.gpuAccelerator;
  const placed = accelerator === undefined ? pod.spec : onNodesWith(accelerator, pod.spec, ctx);
  return { ...pod, spec: withSharedMemory(withDeviceTolerations(placed), ctx) };
}

function onNodesWith(accelerator: GPUAccelerator, spec: PodSpec, { config: { cluster } }: PodContext): PodSpec {
  const { device, deviceClass, partitionSizeValue: partition } = accelerator;
  const isTpu = deviceClass === DeviceClass.GOOGLE_TPU;
  const modelLabel = isTpu ? tpuLabels.model : (cluster?.accelerators.modelLabel ?? "");
  const partitionLabel = isTpu ? tpuLabels.topology : (cluster?.accelerators.partitionLabel ?? "");
  const wanted = {
    ...(device && modelLabel ? { [modelLabel]: device } : {}),
    ...(partition.case === "partitionSize" && partitionLabel ? { [partitionLabel]: partition.value } : {}),
  };
  return { ...spec, nodeSelector: { ...wanted, ...spec.nodeSelector } };
}

/** Nodes with devices are kept free of other pods by a taint of the device's name. */
function withDeviceTolerations(spec: PodSpec): PodSpec {
  const asked = spec.containers.flatMap(({ resources = {} }) =>
    Object.keys({ ...resources.limits, ...resources.requests }),
  );
  const known = new Set(Object.values(deviceResources));
  const keys = [...new Set(asked.filter((name) => known.has(name)))];
  const added = keys.map((key) => ({ key, operator: "Exists" as const, effect: "NoSchedule" as const }));
  return added.length === 0 ? spec : { ...spec, tolerations: [...(spec.tolerations ?? []), ...added] };
}

/** Kubernetes' own is 64 MiB; PyTorch's loaders want more. */
function withSharedMemory(spec: PodSpec, { template }: PodContext): PodSpec {
  const shared = template.extendedResources?.sharedMemory;
  if (shared === undefined) return spec;
  const name = shared.mountName || "flyte-shm";
  const size = shared.sizeLimit === "" || shared.sizeLimit === "auto" ? {} : { sizeLimit: shared.sizeLimit };
  const mount = { name, mountPath: shared.mountPath || "/dev/shm" };
  const primary = primaryContainerName(template);
  const mounted = (one: Container): Container =>
    one.name === primary ? { ...one, volumeMounts: [...(one.volumeMounts ?? []), mount] } : one;
  return {
    ...spec,
    containers: spec.containers.map(mounted),
    volumes: [...(spec.volumes ?? []), { name, emptyDir: { medium: "Memory", ...size } }],
  };
}
