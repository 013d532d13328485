import { add, type Amount, parseQuantity, type Pod, ZERO } from "@homeplane/kube";
import type { Amounts } from "../api/pod-amounts.ts";
import type { KubeObject } from "../store/object.ts";
import type { NamespaceUsage } from "./namespace-usage.ts";
import { podUsage, show, unsaid } from "./pod-usage.ts";
import { hardOf, isInScope, requirementsOf } from "./scopes.ts";

const ONE: Amount = { milli: 1000, binary: false };

/** A new object: `pod` is there when it is one. */
interface Newcomer {
  readonly resource: string;
  readonly pod?: Pod;
}

function requested({ resource, pod }: Newcomer, now: number): Amounts {
  const own = new Map(pod === undefined ? [[resource, ONE]] : podUsage(pod, now));
  return own.set(`count/${resource}`, ONE);
}

/** Why one of the quotas does not let `newcomer` in, in Kubernetes' words; undefined when all do. */
export function refusal(
  newcomer: Newcomer,
  quotas: ReadonlyMap<string, KubeObject>,
  usage: NamespaceUsage,
  now: number,
): string | undefined {
  const { pod } = newcomer;
  const wanted = requested(newcomer, now);
  for (const [name, { spec }] of [...quotas].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const requirements = requirementsOf(spec);
    if (requirements.length > 0 && (pod === undefined || !isInScope(pod, requirements))) continue;
    const hard = hardOf(spec);
    const silent = pod === undefined ? undefined : unsaid(pod, Object.keys(hard));
    if (silent !== undefined) return `failed quota: ${name}: ${silent}`;
    const keys = Object.keys(hard).filter((key) => (wanted.get(key)?.milli ?? 0) > 0);
    const used = usage.used(spec, keys, now);
    const limits = new Map(keys.map((key) => [key, parseQuantity(hard[key] ?? "") ?? ZERO]));
    const over = keys.filter((key) => {
      const after = add(used.get(key) ?? ZERO, wanted.get(key) ?? ZERO);
      return after.milli > (limits.get(key)?.milli ?? 0);
    });
    if (over.length === 0) continue;
    const words = `requested: ${show(wanted, over)}, used: ${show(used, over)}, limited: ${show(limits, over)}`;
    return `exceeded quota: ${name}, ${words}`;
  }
  return undefined;
}
