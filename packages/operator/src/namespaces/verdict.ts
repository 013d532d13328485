/** Whether a project's domain has a place to run in, in words for the one who waits for it. */
import { isConflict, KubeError } from "@homeplane/kube";
import type { Tenant } from "./names.ts";

export type Verdict =
  | { readonly kind: "ready"; readonly code?: undefined }
  /** It may come to be by itself, or by what somebody does meanwhile. */
  | { readonly kind: "waiting"; readonly code: string; readonly message: string }
  /** Trying again changes nothing. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export const ready: Verdict = { kind: "ready" };

export function terminating({ namespace }: Tenant): Verdict {
  const message = `namespace ${namespace} is being deleted; what was ordered starts when it is gone and made anew. What holds it: kubectl get namespace ${namespace} -o jsonpath='{.status.conditions}'`;
  return { kind: "waiting", code: "NamespaceTerminating", message };
}

export function notOwned({ namespace }: Tenant, why: string): Verdict {
  const message = `namespace ${namespace} exists, and ${why}. To hand it over: kubectl label namespace ${namespace} homeplane.dev/owned-by=operator; to leave it as it is and only use it: set namespaces.mode to existing; else use another project or domain`;
  return { kind: "refused", code: "NamespaceNotOwned", message };
}

/** A failed call; `undefined` = it says nothing about the namespace, and is tried again as any call. */
export function verdictOn(error: unknown, tenant: Tenant, verb: "provision" | "check"): Verdict | undefined {
  if (!(error instanceof KubeError)) return undefined;
  if (error.status === 403) {
    if (error.message.includes("because it is being terminated")) return terminating(tenant);
    const message = `namespace ${tenant.namespace}: the operator may not ${verb} it: ${error.message}. Give its ServiceAccount that right, or make the namespace beforehand and set namespaces.mode to existing`;
    return { kind: "waiting", code: "NamespaceForbidden", message };
  }
  if ((error.status === 422 || error.status === 400) && !isConflict(error)) {
    const message = `namespace ${tenant.namespace}: Kubernetes refuses what the configuration asks for: ${error.message}. Mend sections namespaces and tasks of the configuration`;
    return { kind: "refused", code: "NamespaceInvalid", message };
  }
  return undefined;
}
