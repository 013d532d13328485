import { isObject } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import type { Call } from "./context.ts";
import { limitRanges } from "./limit-range.ts";
import { qosClass } from "./pod-resources.ts";
import type { ResourceType } from "./resource-type.ts";

export function isPod(type: ResourceType): boolean {
  return type.kind === "Pod" && type.group === "";
}

/** What the namespace adds to a new pod. Gives the check that is made when the pod is known to be valid. */
export async function admitPod(call: Call, pod: KubeObject): Promise<() => void> {
  const check = await limitRanges(call, pod);
  const { spec } = pod;
  const containers = isObject(spec)
    ? ["initContainers", "containers"].flatMap((field) => (Array.isArray(spec[field]) ? spec[field] : []))
    : [];
  pod.status = {
    ...(isObject(pod.status) ? pod.status : {}),
    qosClass: qosClass(containers.filter((one) => isObject(one))),
  };
  return check;
}
