import { formatQuantity } from "@homeplane/kube";
import type { WantedCondition } from "./conditions.ts";
import type { PlacedPod } from "./pod-family.ts";
import type { Shortage } from "./placement.ts";

/** As the scheduler's `Too many pods` and `Insufficient cpu`. */
const word = (resource: string): string => (resource === "pods" ? "1 Too many pods" : `1 Insufficient ${resource}`);

function amount(resource: string, milli: number): string {
  return formatQuantity({ milli, binary: resource === "memory" || resource === "ephemeral-storage" });
}

/** What keeps a pod waiting, as a scheduler says it; for one that can never be placed, also what there is and the way out. */
export function unschedulable(
  pod: PlacedPod,
  { lacking, never }: Shortage,
  node: ReadonlyMap<string, number>,
): WantedCondition {
  const head = "0/1 nodes are available";
  const why = lacking.length === 0 ? "pods that wait longer come first" : lacking.map(word).join(", ");
  const sizes = lacking.map(
    (one) =>
      `${amount(one, pod.requests.get(one) ?? 0)} of ${one} (this machine has ${amount(one, node.get(one) ?? 0)})`,
  );
  const hopeless = ` The pod asks for ${sizes.join(", ")} and can never run here: ask for less, or start homeplane with larger --cpus or --memory.`;
  return {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message: `${head}: ${why}.${never ? hopeless : ""}`,
  };
}
