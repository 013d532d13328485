import type { Pod } from "@homeplane/kube";
import { basePod } from "./base.ts";
import { identity, lifecycle, program, resources, security } from "./concerns.ts";
import { codeBundle } from "./bundle.ts";
import { devices } from "./devices.ts";
import { podIdentity } from "./pod-identity.ts";
import { rawContainer } from "./raw-container.ts";
import { scheduling } from "./scheduling.ts";
import { secrets } from "./secrets.ts";
import type { PodContext } from "./task.ts";
import { workFolder } from "./work-folder.ts";

/** Pure. Throws InvalidSpecError when the template makes no pod. */
export function buildPod(ctx: PodContext): Pod {
  return [
    program,
    workFolder,
    codeBundle,
    rawContainer,
    podIdentity,
    secrets,
    resources,
    devices,
    scheduling,
    security,
    lifecycle,
    identity,
  ].reduce((pod, concern) => concern(pod, ctx), basePod(ctx));
}
