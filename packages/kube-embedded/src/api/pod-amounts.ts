import { add, type Amount, parseQuantity, type PodSpec, ZERO } from "@homeplane/kube";

export type Amounts = ReadonlyMap<string, Amount>;
type Field = "requests" | "limits";

type Resourced = { readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities } };
type Quantities = Readonly<Record<string, string>>;

/** Of a valid pod: what is no quantity counts as nothing. */
export function amountsOf(container: Resourced, field: Field): Map<string, Amount> {
  return new Map(
    Object.entries(container.resources?.[field] ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? ZERO]),
  );
}

/**
 * What a pod takes as a whole (k8s.io/component-helpers/resource, PodRequests): its containers together, or the largest moment
 * of its init containers, which run one after another beside the sidecars that were started before.
 */
export function podAmounts(spec: Pick<PodSpec, "containers" | "initContainers" | "overhead">, field: Field): Amounts {
  const main = new Map<string, Amount>();
  for (const container of spec.containers) sumInto(main, amountsOf(container, field));
  const sidecars = new Map<string, Amount>();
  const largest = new Map<string, Amount>();
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container, field);
    if (container.restartPolicy === "Always") {
      sumInto(main, own);
      sumInto(sidecars, own);
      maxInto(largest, sidecars);
    } else {
      const moment = new Map(sidecars);
      sumInto(moment, own);
      maxInto(largest, moment);
    }
  }
  maxInto(main, largest);
  if (main.size > 0) sumInto(main, amountsOf({ resources: { [field]: spec.overhead ?? {} } }, field));
  return main;
}

export function sumInto(into: Map<string, Amount>, more: Amounts): void {
  for (const [name, amount] of more) into.set(name, add(into.get(name) ?? ZERO, amount));
}

function maxInto(into: Map<string, Amount>, other: Amounts): void {
  for (const [name, amount] of other) {
    const before = into.get(name);
    if (before === undefined || amount.milli > before.milli) into.set(name, amount);
  }
}
