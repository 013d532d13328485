import { type Amount, formatQuantity, type Pod } from "@homeplane/kube";
import { type Amounts, amountsOf, podAmounts } from "../api/pod-amounts.ts";

const ONE: Amount = { milli: 1000, binary: false };
/** Counted by their bare names too. */
const BARE = new Set(["cpu", "memory", "ephemeral-storage"]);

/** A pod that has ended, or whose grace is over, takes nothing but its place in the store. */
function isOver({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return Date.parse(deletionTimestamp) <= now;
}

/** What a quota can count of a pod (pkg/quota/v1/evaluator/core/pods.go); without `count/pods`, which every object has. */
export function podUsage(pod: Pod, now: number): Amounts {
  if (isOver(pod, now)) return new Map();
  const usage = new Map<string, Amount>([["pods", ONE]]);
  for (const [name, amount] of podAmounts(pod.spec, "requests")) {
    if (BARE.has(name) || name.startsWith("hugepages-")) usage.set(name, amount);
    usage.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of podAmounts(pod.spec, "limits")) usage.set(`limits.${name}`, amount);
  return usage;
}

const COMPUTE = /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage)$/;

/** Where a quota counts it, each container must say it: `limits.cpu for: main; requests.memory for: main,side`. */
export function unsaid(pod: Pod, counted: readonly string[]): string | undefined {
  const missing = counted.toSorted().flatMap((key) => {
    const [, field = "requests", name] = COMPUTE.exec(key) ?? [];
    if (name === undefined) return [];
    const silent = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].filter(
      (one) => !amountsOf(one, field === "limits" ? "limits" : "requests").has(name),
    );
    return silent.length === 0 ? [] : [`${key} for: ${silent.map((one) => one.name).join(",")}`];
  });
  return missing.length === 0 ? undefined : `must specify ${missing.join("; ")}`;
}

/** `limits.cpu=1,pods=2` */
export function show(amounts: Amounts, keys: readonly string[]): string {
  const zero: Amount = { milli: 0, binary: false };
  return keys
    .toSorted()
    .map((key) => `${key}=${formatQuantity(amounts.get(key) ?? zero)}`)
    .join(",");
}
