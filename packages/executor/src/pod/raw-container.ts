/**
 * A container that knows nothing of Flyte (the SDK's ContainerTask), on a real cluster: an init container of ours writes its inputs as files, a
 * container beside it stores what it left as outputs. The latter is an init container that runs on (Kubernetes 1.29): the kubelet ends it by
 * SIGTERM when the task has ended, and the pod is over when it is.
 */
import { toBinary } from "@bufbuild/protobuf";
import { primaryContainerName, trustKey } from "@homeplane/idl";
import { VariableMapSchema } from "@homeplane/idl/flyteidl2/core/interface";
import { DataLoadingConfig_FileInputLayout as Layout } from "@homeplane/idl/flyteidl2/core/tasks";
import type { Container, Pod, VolumeMount } from "@homeplane/kube";
import { storeFolder, storeVolume, trustFolder, trustVolume } from "./pod-identity.ts";
import { InvalidSpecError, type PodContext } from "./task.ts";

export const outputsContainer = "homeplane-outputs";
const inputsContainer = "homeplane-inputs";
const volumes = { inputs: "homeplane-inputs", outputs: "homeplane-outputs" };
const readyFile = ".homeplane-ready";
/** For large outputs; a task that is stopped ends as soon as it ends. */
const storeSeconds = 300;

export function rawContainer(pod: Pod, ctx: PodContext): Pod {
  const { cluster } = ctx.config;
  const { target } = ctx.template;
  const data = target.case === "container" ? target.value.dataConfig : undefined;
  if (cluster === undefined || data?.enabled !== true) return pod;
  const store = cluster.webIdentity;
  if (store === undefined)
    throw new InvalidSpecError(
      "taskTemplate.container.data_config",
      "inputs and outputs of raw containers need a role for tasks: set objectStore.taskRoleArn",
    );
  const inputPath = data.inputPath || "/var/inputs";
  const outputPath = data.outputPath || "/var/outputs";
  const declared = ctx.template.interface?.outputs;
  const mount = {
    inputs: { name: volumes.inputs, mountPath: inputPath },
    outputs: { name: volumes.outputs, mountPath: outputPath },
  };
  const ready = ["--ready", `${outputPath}/${readyFile}`];
  const ours = (name: string, action: string, args: string[], mounts: VolumeMount[]): Container => ({
    name,
    image: cluster.initImage,
    command: ["node", "/app/raw-container.mjs"],
    args: [
      action,
      ...["--region", store.region, "--role", store.roleArn],
      ...["--token", `${storeFolder}/token`, "--ca", `${trustFolder}/${trustKey}`],
      ...(store.endpoint === undefined ? [] : ["--endpoint", store.endpoint]),
      ...(store.stsEndpoint === undefined ? [] : ["--sts", store.stsEndpoint]),
      ...args,
    ],
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    securityContext: { readOnlyRootFilesystem: true },
    volumeMounts: [
      ...mounts,
      { name: trustVolume, mountPath: trustFolder, readOnly: true },
      { name: storeVolume, mountPath: storeFolder, readOnly: true },
    ],
  });
  const from = ctx.taskAction.spec.inputUri ?? "";
  const named = data.fileInputLayout === Layout.NAMED_DIR ? ["--named-dirs"] : [];
  const variables = declared === undefined ? "" : Buffer.from(toBinary(VariableMapSchema, declared)).toString("base64");
  const hasOutputs = (declared?.variables.length ?? 0) > 0;
  const beside = ["--from", outputPath, "--to", ctx.outputPrefix, "--variables", variables, ...ready];
  const before = ["--from", from, "--to", inputPath, ...named, ...(hasOutputs ? ready : [])];
  const initContainers = [
    ...(hasOutputs
      ? [{ ...ours(outputsContainer, "outputs", beside, [mount.outputs]), restartPolicy: "Always" as const }]
      : []),
    ours(inputsContainer, "inputs", before, [mount.inputs, mount.outputs]),
    ...(pod.spec.initContainers ?? []),
  ];
  const primary = primaryContainerName(ctx.template);
  const own = [mount.inputs, mount.outputs];
  const emptyDir = { sizeLimit: cluster.workSizeLimit };
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(hasOutputs ? { terminationGracePeriodSeconds: Math.max(storeSeconds, ctx.config.gracePeriodSeconds) } : {}),
      initContainers,
      containers: pod.spec.containers.map((one) =>
        one.name === primary ? { ...one, volumeMounts: [...(one.volumeMounts ?? []), ...own] } : one,
      ),
      volumes: [...(pod.spec.volumes ?? []), ...Object.values(volumes).map((name) => ({ name, emptyDir }))],
    },
  };
}
