import { delimiter, dirname } from "node:path";
import type { Container, EnvVar } from "@homeplane/kube";
import { expand } from "./expansion.ts";
import type { PodView } from "./pod-view.ts";

/** The environment marks by which the processes of a pod that keep them are found again, also after homeplane was killed. */
export const MARK_POD = "HOMEPLANE_POD_UID";
export const MARK_CONTAINER = "HOMEPLANE_CONTAINER";
export const MARK_NODE = "HOMEPLANE_NODE";

export function containerMark(uid: string, container: string): string {
  return `${uid}/${container}`;
}

/** Gives the value of a Secret's key (plain text), or undefined when the Secret or the key is not there. */
export type SecretReader = (namespace: string, name: string, key: string) => Promise<string | undefined>;

export interface EnvContext {
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Path of an interpreter whose folder goes first on PATH. */
  readonly python?: string;
  readonly nodeMark: string;
  readonly nodeName: string;
  readonly workFolder: string;
  readonly readSecret: SecretReader;
}

export interface ContainerEnv {
  /** What the process gets. */
  readonly all: Record<string, string>;
  /** What `$(VAR)` in command and args may name: the container's own variables, as in a kubelet. */
  readonly own: Readonly<Record<string, string>>;
}

/** A variable that can not be given its value; a kubelet says `CreateContainerConfigError` and tries again. */
export class EnvUnresolved extends Error {
  override readonly name = "EnvUnresolved";
}

/** Builds a container's environment. Throws {@link EnvUnresolved} when a reference leads nowhere. */
export async function containerEnv(pod: PodView, container: Container, context: EnvContext): Promise<ContainerEnv> {
  const own: Record<string, string> = {};
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
  if (context.python !== undefined) all.PATH = withFirst(dirname(context.python), all.PATH);
  return { all, own };
}

function withFirst(folder: string, path: string | undefined): string {
  return path === undefined || path === "" ? folder : `${folder}${delimiter}${path}`;
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
  const secret = from.secretKeyRef;
  if (secret === undefined) {
    throw new EnvUnresolved(
      `env ${variable.name}: valueFrom ${Object.keys(from).join(", ")} is not supported for local processes`,
    );
  }
  const value = await context.readSecret(pod.namespace, secret.name, secret.key);
  if (value === undefined && secret.optional !== true) {
    throw new EnvUnresolved(`env ${variable.name}: key "${secret.key}" of secret "${secret.name}" not found`);
  }
  return value;
}

const SUBSCRIPT = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** The downward API's fields (API reference, ObjectFieldSelector). */
function fieldOf(pod: PodView, path: string, nodeName: string): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === "labels" ? pod.labels : pod.annotations;
    return map?.[subscript[2] ?? ""] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.name;
    case "metadata.namespace":
      return pod.namespace;
    case "metadata.uid":
      return pod.uid;
    case "spec.nodeName":
      return nodeName;
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "default";
    case "status.podIP":
    case "status.hostIP":
    case "status.podIPs":
    case "status.hostIPs":
      return "127.0.0.1";
    default:
      throw new EnvUnresolved(`fieldRef ${path} is not a field that can be read`);
  }
}
