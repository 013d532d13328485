/**
 * The secrets that a task asks for. Their values are in a Kubernetes Secret of the pod's own name, which secret-service has made before the pod
 * is created; the pod refers to it and holds no value. Names and paths are the SDK's (`flyte.Secret`).
 */
import { primaryContainerName, taskSecretLabel } from "@homeplane/idl";
import { type Secret, Secret_MountType as MountType } from "@homeplane/idl/flyteidl2/core/security";
import type { EnvVar, Pod } from "@homeplane/kube";
import { InvalidSpecError, type PodContext } from "./task.ts";

const secretsFolder = "/etc/flyte/secrets";
const volumeName = "homeplane-secrets";
/** Group and others of a restricted pod: its own group (`fsGroup`) may read. */
const fileMode = 0o440;

export interface TaskSecret {
  readonly group: string;
  readonly key: string;
  /** The key of the Kubernetes Secret. */
  readonly dataKey: string;
  readonly as: { readonly env: string } | { readonly file: string };
}

/** Of the run and of the task; where both want the same variable or file, the task's wins. Throws InvalidSpecError. */
export function taskSecrets({ template, runSpec }: PodContext): readonly TaskSecret[] {
  const places = new Map<string, TaskSecret>();
  const lists = [
    ["runSpec.security_context.secrets", runSpec?.securityContext?.secrets ?? []],
    ["taskTemplate.security_context.secrets", template.securityContext?.secrets ?? []],
  ] as const;
  for (const [field, list] of lists) {
    const own = new Map<string, TaskSecret>();
    for (const [index, secret] of list.entries()) {
      const one = taskSecret(secret, `${field}[${index}]`);
      const place = "env" in one.as ? `environment variable ${one.as.env}` : `file ${secretsFolder}/${one.as.file}`;
      const other = own.get(place);
      if (other !== undefined && other.dataKey !== one.dataKey)
        throw new InvalidSpecError(
          `${field}[${index}]`,
          `"${other.dataKey}" and "${one.dataKey}" both want the ${place}`,
        );
      own.set(place, one);
    }
    for (const [place, one] of own) places.set(place, one);
  }
  return [...places.values()];
}

function taskSecret({ group, key, envVar, mountRequirement }: Secret, field: string): TaskSecret {
  if (!/^[-a-zA-Z0-9_]{1,128}$/.test(key))
    throw new InvalidSpecError(`${field}.key`, `"${key}" must be 1 to 128 letters, digits, "-" and "_"`);
  if (!/^[-.a-zA-Z0-9_]{0,100}$/.test(group))
    throw new InvalidSpecError(`${field}.group`, `"${group}" must be at most 100 letters, digits, "-", "." and "_"`);
  const dataKey = group === "" ? key : `${group}.${key}`;
  if (mountRequirement === MountType.FILE) return { group, key, dataKey, as: { file: key.toLowerCase() } };
  const env = envVar || (group === "" ? key : `${group}_${key}`).replaceAll(/[-.]/g, "_").toUpperCase();
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(env))
    throw new InvalidSpecError(`${field}.env_var`, `"${env}" is no name of an environment variable`);
  return { group, key, dataKey, as: { env } };
}

export function secretEnvironment(ctx: PodContext): readonly EnvVar[] {
  return taskSecrets(ctx).flatMap(({ as, dataKey }) =>
    "env" in as ? [{ name: as.env, valueFrom: { secretKeyRef: { name: ctx.name, key: dataKey } } }] : [],
  );
}

/** The files, for the primary container alone, and the mark by which secret-service knows the pod. */
export function secrets(pod: Pod, ctx: PodContext): Pod {
  const wanted = taskSecrets(ctx);
  if (wanted.length === 0) return pod;
  const labels = { ...pod.metadata.labels, [taskSecretLabel]: "true" };
  const marked = { ...pod, metadata: { ...pod.metadata, labels } };
  const items = wanted.flatMap(({ as, dataKey }) => ("file" in as ? [{ key: dataKey, path: as.file }] : []));
  if (items.length === 0) return marked;
  const primary = primaryContainerName(ctx.template);
  const { containers, volumes = [] } = pod.spec;
  const mount = { name: volumeName, mountPath: secretsFolder, readOnly: true };
  const volume = { name: volumeName, secret: { secretName: ctx.name, defaultMode: fileMode, items } };
  const mounted = containers.map((container) =>
    container.name === primary ? { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] } : container,
  );
  return { ...marked, spec: { ...pod.spec, volumes: [...volumes, volume], containers: mounted } };
}
