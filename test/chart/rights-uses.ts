/**
 * What each right is for: the line of our code that makes the call. A right without such a line is one too many, and a line that has gone takes its right with it:
 * rights.test.ts holds this table against the chart and against the code.
 */
export interface Use {
  readonly verbs: readonly string[];
  /** Below packages/. */
  readonly file: string;
  /** Stands in that file. */
  readonly call: string;
}

const use = (verbs: string, file: string, call: string): Use => ({ verbs: verbs.split(" "), file, call });

const watched = (file: string, call: string): Use => use("list watch", file, call);
const reviewed = use("create", "kube/src/token-review.ts", "client.create(tokenReviews,");
const leases = (name: string): Readonly<Record<string, readonly Use[]>> => ({
  [`${name} | union | leases.coordination.k8s.io`]: [use("create", "kube/src/lease-hold.ts", "create(leases,")],
  [`${name} | union | leases.coordination.k8s.io [${name}]`]: [
    use("get", "kube/src/lease-hold.ts", "get(leases,"),
    use("update", "kube/src/lease-hold.ts", "update(leases,"),
  ],
});

/** Told on the object, then deleted. */
const withReason = [
  use("patch", "kube/src/delete-with-reason.ts", "client.patch(type,"),
  use("delete", "kube/src/delete-with-reason.ts", "client.delete(type,"),
];

const keeper = "operator/src/namespaces";
/** One object of a namespace, of whatever kind. */
const kept = [
  use("create", `${keeper}/put-right.ts`, "client.create(type, object"),
  use("update", `${keeper}/put-right.ts`, "client.update(type, next"),
  use("delete", `${keeper}/rights.ts`, "client.delete(type,"),
];
const read = (kind: string): Use[] => [
  use("get", `${keeper}/put-right.ts`, "client.get(type,"),
  watched(`${keeper}/keeper.ts`, "new Informer({ ...common, ...kind"),
  watched(`${keeper}/kinds.ts`, `kind(${kind}`),
];
const checked = [use("get", `${keeper}/check.ts`, "client.get(type,")];

const executor: Readonly<Record<string, readonly Use[]>> = {
  ...leases("executor"),
  "executor | everywhere | pods": [watched("executor/src/executor.ts", "type: pods,")],
  "executor | everywhere | taskactions.flyte.org": [watched("executor/src/executor.ts", "type: taskActionType,")],
  "executor | {project}-{domain} | events": [
    use("list", "executor/src/reconcile/start-events.ts", "listPages(events,"),
  ],
  "executor | {project}-{domain} | namespaces": [
    use("get", "executor/src/reconcile/abort.ts", "client.get(namespaces,"),
  ],
  "executor | {project}-{domain} | pods": [
    use("get", "executor/src/reconcile/drive.ts", "client.get(pods,"),
    use("create", "executor/src/reconcile/launch.ts", "client.create(pods,"),
    use("delete", "executor/src/reconcile/stop-pods.ts", "client.delete(pods,"),
  ],
  "executor | {project}-{domain} | taskactions.flyte.org": [
    use("get", "executor/src/reconcile/write.ts", "client.get(taskActionType,"),
    use("patch", "executor/src/reconcile/write.ts", "metadata: { uid, resourceVersion, finalizers: left }"),
    use("delete", "executor/src/reconcile/settle.ts", "client.delete(taskActionType,"),
  ],
  // OwnerReferencesPermissionEnforcement, where a cluster has it on: who holds an owner's deletion back must be allowed to.
  "executor | {project}-{domain} | taskactions/finalizers.flyte.org": [
    use("update", "executor/src/pod/concerns.ts", "blockOwnerDeletion: true"),
  ],
  "executor | {project}-{domain} | taskactions/status.flyte.org": [
    use("patch", "executor/src/reconcile/write.ts", 'subresource: "status"'),
  ],
};

const operatorAlways: Readonly<Record<string, readonly Use[]>> = {
  ...leases("operator"),
  "operator | everywhere | taskactions.flyte.org": [
    use("list", "operator/src/orders.ts", "client.list(taskActionType,"),
  ],
  "operator | {project}-{domain} | taskactions.flyte.org": [
    use("get", "operator/src/orders.ts", "client.get(taskActionType,"),
    use("create", "operator/src/orders.ts", "client.create(taskActionType,"),
    ...withReason,
  ],
  "operator | {project}-{domain} | taskactions/status.flyte.org": [
    use("patch", "operator/src/signal-condition.ts", 'subresource: "status"'),
  ],
};

const roles = ["operator", "executor", "task-gateway", "log-provider", "secret-service"];
const operatorCreates: Readonly<Record<string, readonly Use[]>> = {
  // Not a call: the API server asks for it when a binding is made.
  [`operator | everywhere | clusterroles.rbac.authorization.k8s.io [${roles.map((name) => `union-${name}-tasks`).join(" ")}]`]:
    [use("bind", `${keeper}/desired.ts`, 'kind: "RoleBinding"')],
  "operator | everywhere | configmaps [homeplane-trust]": read("configMaps, trustName"),
  "operator | everywhere | limitranges": read("limitRanges"),
  "operator | everywhere | networkpolicies.networking.k8s.io": read("networkPolicies"),
  "operator | everywhere | resourcequotas": read("resourceQuotas"),
  "operator | everywhere | serviceaccounts": read("serviceAccounts"),
  // A namespace's first bindings are made before there is any right in it.
  "operator | everywhere | rolebindings.rbac.authorization.k8s.io": [
    ...read("roleBindings"),
    use("create", `${keeper}/put-right.ts`, "client.create(type, object"),
  ],
  "operator | everywhere | namespaces": [
    use("get", `${keeper}/provision.ts`, "client.get(namespaces,"),
    watched(`${keeper}/keeper.ts`, "type: namespaces,"),
    use("create", `${keeper}/provision.ts`, "client.create(namespaces,"),
    use("patch", `${keeper}/provision.ts`, "client.patch(namespaces,"),
  ],
  "operator | {project}-{domain} | configmaps": kept,
  "operator | {project}-{domain} | limitranges": kept,
  "operator | {project}-{domain} | networkpolicies.networking.k8s.io": kept,
  "operator | {project}-{domain} | resourcequotas": kept,
  "operator | {project}-{domain} | serviceaccounts": kept,
  "operator | {project}-{domain} | rolebindings.rbac.authorization.k8s.io": kept.slice(1),
  "operator | {project}-{domain} | pods": [use("list", `${keeper}/rights.ts`, "hasAny(client, pods,")],
};

const operatorChecks: Readonly<Record<string, readonly Use[]>> = {
  "operator | everywhere | namespaces": [use("get", `${keeper}/check.ts`, "client.get(namespaces,")],
  "operator | {project}-{domain} | configmaps [homeplane-trust]": checked,
  "operator | {project}-{domain} | limitranges": checked,
  "operator | {project}-{domain} | networkpolicies.networking.k8s.io": checked,
  "operator | {project}-{domain} | resourcequotas": checked,
  "operator | {project}-{domain} | rolebindings.rbac.authorization.k8s.io": checked,
  "operator | {project}-{domain} | serviceaccounts": checked,
};

const others: Readonly<Record<string, readonly Use[]>> = {
  "task-gateway | everywhere | taskactions.flyte.org": [
    watched("task-gateway/src/children.ts", "type: taskActionType,"),
  ],
  "task-gateway | everywhere | tokenreviews.authentication.k8s.io": [reviewed],
  "task-gateway | {project}-{domain} | taskactions.flyte.org": [
    use("get", "task-gateway/src/enqueue.ts", "client.get(taskActionType,"),
    use("create", "task-gateway/src/enqueue.ts", "client.create(taskActionType,"),
    use("patch", "task-gateway/src/trace-claim.ts", "client.patch("),
    ...withReason,
  ],
  "task-gateway | {project}-{domain} | taskactions/finalizers.flyte.org": [
    use("update", "task-gateway/src/child-resource.ts", "blockOwnerDeletion: true"),
  ],
  "object-store-service | everywhere | tokenreviews.authentication.k8s.io": [reviewed],
  "log-provider | everywhere | pods": [watched("log-provider/src/pod-source.ts", "type: pods,")],
  "log-provider | everywhere | tokenreviews.authentication.k8s.io": [reviewed],
  "log-provider | {project}-{domain} | pods": [
    use("get", "log-provider/src/pod-source.ts", "client.get(pods,"),
    use("patch", "log-provider/src/finalizer.ts", "client.patch(pods,"),
  ],
  "log-provider | {project}-{domain} | pods/log": [
    use("get", "log-provider/src/archive-container.ts", "client.podLog("),
  ],
  "secret-service | everywhere | namespaces": [use("list", "secret-service/src/broom.ts", "client.list(namespaces,")],
  "secret-service | everywhere | pods": [watched("secret-service/src/broom.ts", "type: pods,")],
  "secret-service | everywhere | tokenreviews.authentication.k8s.io": [reviewed],
  "secret-service | homeplane-secrets | secrets": [
    use("get", "secret-service/src/find-secret.ts", "client.get(secrets,"),
    use("list", "secret-service/src/list-page.ts", "client.listPages(secrets,"),
    use("create", "secret-service/src/user-secrets.ts", "client.create(secrets,"),
    use("patch", "secret-service/src/user-secrets.ts", "client.patch(secrets,"),
    use("delete", "secret-service/src/user-secrets.ts", "client.delete(secrets,"),
  ],
  "secret-service | {project}-{domain} | pods": [use("get", "secret-service/src/broom.ts", "client.get(pods,")],
  "secret-service | {project}-{domain} | secrets": [
    use("get", "secret-service/src/broom.ts", "client.get(secrets,"),
    use("list", "secret-service/src/broom.ts", "client.listPages(secrets,"),
    use("create", "secret-service/src/materialise.ts", "client.create(secrets,"),
    use("update", "secret-service/src/materialise.ts", "client.update(secrets,"),
    use("delete", "secret-service/src/broom.ts", "client.delete(secrets,"),
  ],
};

/** By the operator's mode, as rights are told in rights.md. */
export const uses = {
  create: { ...executor, ...operatorAlways, ...operatorCreates, ...others },
  existing: { ...executor, ...operatorAlways, ...operatorChecks, ...others },
} as const;
