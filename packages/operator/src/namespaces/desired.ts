/** What a namespace holds beside its tasks: a list of manifests, one function a concern. Pure. */
import {
  configMaps,
  type KubeObject,
  limitRanges,
  networkPolicies,
  type ResourceType,
  resourceQuotas,
  roleBindings,
  serviceAccounts,
} from "@homeplane/kube";
import type { NamespaceConfig } from "./config.ts";
import { ownedBy, rightsFinalizer, type Tenant } from "./names.ts";
import { policies } from "./policies.ts";

export const trustName = "homeplane-trust";
const trustKey = "ca-bundle.crt";
export const quotaName = "homeplane";
export const limitRangeName = "homeplane";

export interface Wanted {
  readonly type: ResourceType<KubeObject>;
  readonly object: KubeObject;
}

/** In the order in which they are made: rights first, then the walls, then what stands inside. */
export function desired(tenant: Tenant, config: NamespaceConfig, trust: string | undefined): Wanted[] {
  const own = { labels: { [ownedBy.key]: ownedBy.value }, namespace: tenant.namespace };
  const placed = <T extends KubeObject>(type: ResourceType<T>, object: T): Wanted => {
    const { labels, ...metadata } = object.metadata;
    const merged = { ...own, ...metadata, labels: { ...labels, ...own.labels } };
    return { type, object: { ...object, metadata: merged } };
  };
  const override = config.overrides[tenant.namespace] ?? {};
  const quota = override.quota === undefined ? config.quota : override.quota;
  const limits = override.limitRange === undefined ? config.limitRange : override.limitRange;
  return [
    ...config.components.names.map((component) =>
      placed(roleBindings, {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: taskRole(component), finalizers: [rightsFinalizer] },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: taskRole(component) },
        subjects: [{ kind: "ServiceAccount", name: component, namespace: config.components.namespace }],
      }),
    ),
    ...policies(config).map((policy) => placed(networkPolicies, policy)),
    placed(serviceAccounts, serviceAccount(config, override.annotations ?? {})),
    ...(quota == null
      ? []
      : [
          placed(resourceQuotas, {
            apiVersion: "v1",
            kind: "ResourceQuota",
            metadata: { name: quotaName },
            spec: { hard: { ...quota } },
          }),
        ]),
    ...(limits == null
      ? []
      : [
          placed(limitRanges, {
            apiVersion: "v1",
            kind: "LimitRange",
            metadata: { name: limitRangeName },
            spec: { limits: [...limits] },
          }),
        ]),
    ...(trust === undefined
      ? []
      : [
          placed(configMaps, {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: trustName },
            data: { [trustKey]: trust },
          }),
        ]),
  ];
}

function serviceAccount({ serviceAccount: account }: NamespaceConfig, more: Readonly<Record<string, string>>) {
  const { name, annotations, cloudRole, imagePullSecrets } = account;
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, annotations: { ...annotations, ...more, "homeplane.dev/cloud-role": cloudRole } },
    automountServiceAccountToken: false,
    ...(imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: imagePullSecrets.map((secret) => ({ name: secret })) }),
  };
}

/** The ClusterRole that a component has in task namespaces, and its binding there. */
export function taskRole(component: string): string {
  return `union-${component}-tasks`;
}
