import type { PodSpec } from "@homeplane/kube";
import { podAmounts } from "../api/pod-amounts.ts";

/** What the placement needs to know of a pod that has not ended. */
export interface PlacedPod {
  readonly uid: string;
  readonly key: string;
  /** Start order: creation time, then key. */
  readonly order: string;
  /** What it asks for, in thousandths; `pods` among it. */
  readonly requests: ReadonlyMap<string, number>;
  /** Who this pod is to its children; undefined when it can have none. */
  readonly self?: string;
  /** Whose child it is. */
  readonly parent?: string;
}

const RUN_LABEL = "flyte.org/run";
const ACTION_LABEL = "flyte.org/action";
const PARENT_LABEL = "homeplane.dev/parent";

export function placedPod(pod: {
  readonly uid: string;
  readonly key: string;
  readonly namespace: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Pick<PodSpec, "containers" | "initContainers" | "overhead">;
}): PlacedPod {
  const run = pod.labels[RUN_LABEL];
  const of = (action: string | undefined): string | undefined =>
    run === undefined || action === undefined || action === "" ? undefined : `${pod.namespace}/${run}/${action}`;
  const self = of(pod.labels[ACTION_LABEL]);
  const parent = of(pod.labels[PARENT_LABEL]);
  const asked = [...podAmounts(pod.spec, "requests")].map(([name, { milli }]): [string, number] => [name, milli]);
  return {
    uid: pod.uid,
    key: pod.key,
    order: `${pod.createdAt} ${pod.key}`,
    requests: new Map([["pods", 1000], ...asked]),
    ...(self === undefined ? {} : { self }),
    ...(parent === undefined ? {} : { parent }),
  };
}
