import type { Pod } from "@homeplane/kube";
import { basePod } from "./base.ts";
import { identity, lifecycle, program, resources, security } from "./concerns.ts";
import { secrets } from "./secrets.ts";
import type { PodContext } from "./task.ts";

/** Pure. Throws InvalidSpecError when the template makes no pod. */
export function buildPod(ctx: PodContext): Pod {
  return [program, secrets, resources, security, lifecycle, identity].reduce(
    (pod, concern) => concern(pod, ctx),
    basePod(ctx),
  );
}
