import type { ResourceType } from "./meta.ts";
import type { TokenReview } from "./types/authentication.ts";
import type { ConfigMap, Event, Namespace, Secret, ServiceAccount } from "./types/core.ts";
import type { CustomResourceDefinition } from "./types/custom-resource-definition.ts";
import type { Lease } from "./types/lease.ts";
import type { Node } from "./types/node.ts";
import type { Pod } from "./types/pod.ts";
import type { LimitRange, NetworkPolicy, ResourceQuota, RoleBinding } from "./types/policy.ts";

const core = { group: "", version: "v1", namespaced: true } as const;

export const pods: ResourceType<Pod> = { ...core, plural: "pods", kind: "Pod" };
export const nodes: ResourceType<Node> = { ...core, plural: "nodes", kind: "Node", namespaced: false };
export const namespaces: ResourceType<Namespace> = {
  ...core,
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};
export const events: ResourceType<Event> = { ...core, plural: "events", kind: "Event" };
export const secrets: ResourceType<Secret> = { ...core, plural: "secrets", kind: "Secret" };
export const configMaps: ResourceType<ConfigMap> = { ...core, plural: "configmaps", kind: "ConfigMap" };
export const serviceAccounts: ResourceType<ServiceAccount> = {
  ...core,
  plural: "serviceaccounts",
  kind: "ServiceAccount",
};
export const resourceQuotas: ResourceType<ResourceQuota> = { ...core, plural: "resourcequotas", kind: "ResourceQuota" };
export const limitRanges: ResourceType<LimitRange> = { ...core, plural: "limitranges", kind: "LimitRange" };
export const networkPolicies: ResourceType<NetworkPolicy> = {
  ...core,
  group: "networking.k8s.io",
  plural: "networkpolicies",
  kind: "NetworkPolicy",
};
export const roleBindings: ResourceType<RoleBinding> = {
  ...core,
  group: "rbac.authorization.k8s.io",
  plural: "rolebindings",
  kind: "RoleBinding",
};
export const leases: ResourceType<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};
export const customResourceDefinitions: ResourceType<CustomResourceDefinition> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};
export const tokenReviews: ResourceType<TokenReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  plural: "tokenreviews",
  kind: "TokenReview",
  namespaced: false,
};
