export { createOperator, type OperatorOptions } from "./operator.ts";
export {
  type Egress,
  type EgressTarget,
  type Limit,
  type NamespaceConfig,
  namespaceDefaults,
  type NamespaceMode,
  type NamespaceOverride,
  type PodSecurity,
  type Quota,
} from "./namespaces/config.ts";
export { objectStoreEgress } from "./namespaces/store-egress.ts";
