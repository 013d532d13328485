import type { KubeObject } from "../meta.ts";

/** Kubernetes API reference, `ResourceQuota v1 core`. */
export interface ResourceQuota extends KubeObject {
  spec?: { hard?: Record<string, string>; scopes?: string[] };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

type LimitField = "max" | "min" | "default" | "defaultRequest" | "maxLimitRequestRatio";
type Limit = { readonly type: string } & { readonly [field in LimitField]?: Readonly<Record<string, string>> };

/** Kubernetes API reference, `LimitRange v1 core`. */
export interface LimitRange extends KubeObject {
  spec: { limits: readonly Limit[] };
}

/** Kubernetes API reference, `NetworkPolicy v1 networking.k8s.io`: what we write of it. */
export interface NetworkPolicy extends KubeObject {
  spec: {
    podSelector: { matchLabels?: Readonly<Record<string, string>> };
    policyTypes: ("Ingress" | "Egress")[];
    egress?: readonly { readonly to?: readonly object[]; readonly ports?: readonly object[] }[];
    ingress?: readonly { readonly from?: readonly object[]; readonly ports?: readonly object[] }[];
  };
}

/** Kubernetes API reference, `RoleBinding v1 rbac.authorization.k8s.io`. `roleRef` can not be changed. */
export interface RoleBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string; apiGroup?: string }[];
}
