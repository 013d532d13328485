export { collect } from "./body.ts";
export { KubeClient } from "./client.ts";
export type {
  CallOptions,
  DeleteOptions,
  ListOptions,
  Page,
  PatchOptions,
  PodLogOptions,
  Selection,
  WatchOptions,
} from "./client-options.ts";
export type { ClusterConfig, ExecPlugin, TokenSource } from "./cluster-config.ts";
export { type DeleteReason, deleteWithReason } from "./delete-with-reason.ts";
export { httpTransport } from "./http-transport.ts";
export { type InClusterOptions, inClusterConfig } from "./in-cluster.ts";
export { Informer } from "./informer.ts";
export type { InformerOptions } from "./informer-options.ts";
export type { Change } from "./informer-store.ts";
export { isAlreadyExists, isConflict, isExpired, isNotFound, KubeError } from "./kube-error.ts";
export { type KubeconfigOptions, loadKubeconfig } from "./kubeconfig.ts";
export {
  apiVersionOf,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from "./meta.ts";
export type { ObjectName } from "./paths.ts";
export { add, type Amount, formatQuantity, parseQuantity, ZERO } from "./quantity.ts";
export {
  configMaps,
  customResourceDefinitions,
  events,
  leases,
  limitRanges,
  namespaces,
  networkPolicies,
  nodes,
  pods,
  resourceQuotas,
  roleBindings,
  secrets,
  serviceAccounts,
  tokenReviews,
} from "./resource-types.ts";
export type { WatchEvent, WatchEventType } from "./stream.ts";
export { NotSentError, type Transport, type TransportRequest, type TransportResponse } from "./transport.ts";
export type { IssuedToken, TokenRequestSpec, TokenReview } from "./types/authentication.ts";
export type { ConfigMap, Event, Namespace, ObjectReference, Secret, ServiceAccount } from "./types/core.ts";
export type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "./types/custom-resource-definition.ts";
export type { Node } from "./types/node.ts";
export type { LimitRange, NetworkPolicy, ResourceQuota, RoleBinding } from "./types/policy.ts";
export type { Lease } from "./types/lease.ts";
export type {
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  PodCondition,
  PodPhase,
  PodStatus,
} from "./types/pod.ts";
export type {
  Container,
  EnvFromSource,
  EnvVar,
  PodSecurityContext,
  PodSpec,
  Probe,
  Quantity,
  ResourceRequirements,
  SecurityContext,
  Toleration,
  VolumeMount,
} from "./types/pod-spec.ts";
export type { KeyToPath, ProjectedSource, Volume } from "./types/volume.ts";
export { type Process, WorkQueue } from "./work-queue.ts";
export { type LeaderOptions, runAsLeader } from "./leader.ts";
export type { LeaseName } from "./lease-hold.ts";
export {
  createTokenVerifier,
  type RefusedToken,
  type TokenVerifier,
  type VerifiedToken,
} from "./token-review.ts";
