import { quotaStrategy } from "../quota/quota-strategy.ts";
import { builtin } from "./builtin.ts";
import { required } from "./field-errors.ts";
import { limitRangeStrategy } from "./limit-range.ts";
import { isObject } from "../store/json.ts";
import type { ResourceType, Strategy } from "./resource-type.ts";
import {
  bindingColumns,
  createdColumns,
  deploymentColumns,
  disruptionBudgetColumns,
  networkPolicyColumns,
  nodeColumns,
  priorityClassColumns,
  quotaColumns,
  serviceColumns,
} from "./stored-columns.ts";

const RBAC = "rbac.authorization.k8s.io";
const withSpec: Strategy = { validate: (object) => (isObject(object.spec) ? [] : [required("spec")]) };
const withRole: Strategy = { validate: (object) => (isObject(object.roleRef) ? [] : [required("roleRef")]) };
const workload = { group: "apps", hasStatus: true, hasGeneration: true, categories: ["all"], strategy: withSpec };

/**
 * Kinds of policy that are acted on (quotas, limit ranges, nodes), and kinds that are only kept, so that the manifests of a
 * cluster apply here: nothing runs for a Deployment, and nothing is allowed or forbidden by a Role or a NetworkPolicy.
 */
export const storedTypes: readonly ResourceType[] = [
  builtin("Node", { namespaced: false, hasStatus: true, shortNames: ["no"], columns: nodeColumns }),
  builtin("ResourceQuota", { hasStatus: true, shortNames: ["quota"], columns: quotaColumns, strategy: quotaStrategy }),
  builtin("LimitRange", { shortNames: ["limits"], columns: createdColumns, strategy: limitRangeStrategy }),
  builtin("Service", {
    hasStatus: true,
    shortNames: ["svc"],
    categories: ["all"],
    columns: serviceColumns,
    strategy: withSpec,
  }),
  builtin("Deployment", { ...workload, shortNames: ["deploy"], columns: deploymentColumns }),
  builtin("NetworkPolicy", {
    group: "networking.k8s.io",
    plural: "networkpolicies",
    hasGeneration: true,
    shortNames: ["netpol"],
    columns: networkPolicyColumns,
  }),
  builtin("PodDisruptionBudget", {
    group: "policy",
    hasStatus: true,
    hasGeneration: true,
    shortNames: ["pdb"],
    columns: disruptionBudgetColumns,
    strategy: withSpec,
  }),
  builtin("PriorityClass", {
    group: "scheduling.k8s.io",
    plural: "priorityclasses",
    namespaced: false,
    shortNames: ["pc"],
    columns: priorityClassColumns,
  }),
  builtin("Role", { group: RBAC, columns: createdColumns }),
  builtin("ClusterRole", { group: RBAC, namespaced: false, columns: createdColumns }),
  builtin("RoleBinding", { group: RBAC, columns: bindingColumns, strategy: withRole }),
  builtin("ClusterRoleBinding", { group: RBAC, namespaced: false, columns: bindingColumns, strategy: withRole }),
];
