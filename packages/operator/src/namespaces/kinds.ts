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
import { trustName } from "./desired.ts";
import { ownedSelector } from "./names.ts";

export interface OwnedKind {
  readonly type: ResourceType<KubeObject>;
  readonly labelSelector: string;
  readonly fieldSelector?: string;
}

const kind = <T extends KubeObject>(type: ResourceType<T>, name?: string): OwnedKind => ({
  type,
  labelSelector: ownedSelector,
  ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
});

/** Of what the operator keeps in task namespaces. By name where others keep what is none of our business: the right to read is bound to the name. */
export const ownedKinds: readonly OwnedKind[] = [
  kind(roleBindings),
  kind(networkPolicies),
  kind(serviceAccounts),
  kind(resourceQuotas),
  kind(limitRanges),
  kind(configMaps, trustName),
];
