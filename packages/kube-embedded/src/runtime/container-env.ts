import { delimiter, dirname } from "node:path";
import type { Container, EnvFromSource, EnvVar } from "@homeplane/kube";
import { expand } from "./expansion.ts";
import type { PodView } from "./pod-view.ts";
import { fieldOf, readAll, readKey, type References, Unresolved } from "./references.ts";

/** The environment marks by which the processes of a pod that keep them are found again, also after homeplane was killed. */
export const MARK_POD = "HOMEPLANE_POD_UID";
export const MARK_CONTAINER = "HOMEPLANE_CONTAINER";
export const MARK_NODE = "HOMEPLANE_NODE";

export function containerMark(uid: string, container: string): string {
  return `${uid}/${container}`;
}

export interface EnvContext {
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Path of an interpreter whose folder goes first on PATH. */
  readonly python?: string;
  readonly nodeMark: string;
  readonly nodeName: string;
  readonly workFolder: string;
  readonly references: References;
}

export interface ContainerEnv {
  /** What the process gets. */
  readonly all: Record<string, string>;
  /** What `$(VAR)` in command and args may name: the container's own variables, as in a kubelet. */
  readonly own: Readonly<Record<string, string>>;
}

/** Builds a container's environment. Throws {@link Unresolved} when a reference leads nowhere. */
export async function containerEnv(pod: PodView, container: Container, context: EnvContext): Promise<ContainerEnv> {
  const own: Record<string, string> = {};
  for (const source of container.envFrom ?? []) Object.assign(own, await allOf(pod, source, context));
  for (const variable of container.env ?? []) {
    const value = await valueOf(pod, variable, own, context);
    if (value !== undefined) own[variable.name] = value;
  }
  const all: Record<string, string> = {
    PYTHONUNBUFFERED: "1",
    HOME: context.workFolder,
    HOSTNAME: pod.name,
    ...context.baseEnv,
    ...own,
    [MARK_POD]: pod.uid,
    [MARK_CONTAINER]: containerMark(pod.uid, container.name),
    [MARK_NODE]: context.nodeMark,
  };
  if (context.python !== undefined) all["PATH"] = withFirst(dirname(context.python), all["PATH"]);
  return { all, own };
}

function withFirst(folder: string, path: string | undefined): string {
  return path === undefined || path === "" ? folder : `${folder}${delimiter}${path}`;
}

/** Every key of a Secret or ConfigMap whose name can be a variable's. */
async function allOf(pod: PodView, source: EnvFromSource, { references }: EnvContext): Promise<Record<string, string>> {
  const { prefix = "", secretRef, configMapRef } = source;
  const data =
    secretRef === undefined
      ? await readAll(references, "configMap", pod.namespace, configMapRef ?? { name: "" }, "envFrom")
      : await readAll(references, "secret", pod.namespace, secretRef, "envFrom");
  const usable = [...data].filter(([key]) => /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(prefix + key));
  return Object.fromEntries(usable.map(([key, value]) => [prefix + key, text(value, `envFrom key "${key}"`)]));
}

async function valueOf(
  pod: PodView,
  variable: EnvVar,
  before: Readonly<Record<string, string>>,
  context: EnvContext,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? "", (name) => before[name]);
  if (from.fieldRef !== undefined) return fieldOf(pod, from.fieldRef.fieldPath, context.nodeName);
  const where = `env ${variable.name}`;
  const { secretKeyRef, configMapKeyRef } = from;
  if (secretKeyRef !== undefined)
    return text(await readKey(context.references, "secret", pod.namespace, secretKeyRef, where), where);
  if (configMapKeyRef !== undefined)
    return text(await readKey(context.references, "configMap", pod.namespace, configMapKeyRef, where), where);
  throw new Unresolved(`${where}: valueFrom ${Object.keys(from).join(", ")} is not supported for local processes`);
}

function text(value: Buffer, where: string): string;
function text(value: Buffer | undefined, where: string): string | undefined;
function text(value: Buffer | undefined, where: string): string | undefined {
  if (value?.includes(0) === true)
    throw new Unresolved(`${where}: the value holds a NUL, which no variable can; use it as a file`);
  return value?.toString("utf8");
}
