/** How namespaces of projects' domains are made; plain data, from the configuration's sections `namespaces`, `tasks` and `objectStore`. */

/** `create`: we make and keep them. `existing`: somebody else made them; we only check, and write nothing. */
export type NamespaceMode = "create" | "existing";

/** A cluster's own addresses, or pods by their labels. `ports` are those of the pods behind a Service, TCP. */
export type EgressTarget =
  | { readonly cidr: string; readonly except?: readonly string[]; readonly ports: readonly number[] }
  | {
      readonly namespace: string;
      readonly podLabels?: Readonly<Record<string, string>>;
      readonly ports: readonly number[];
    };

/** What default-deny lets out; nothing is let in. */
export interface Egress {
  /** TCP and UDP. */
  readonly dns: readonly EgressTarget[];
  /** The store and its STS. */
  readonly objectStore: readonly EgressTarget[];
  readonly extra: readonly EgressTarget[];
  /** Addresses that no target reaches, whatever its cidr; instance metadata always is among them. */
  readonly except: readonly string[];
}

/** As ResourceQuota `spec.hard`: amounts by resource. */
export type Quota = Readonly<Record<string, string>>;
/** As LimitRange `spec.limits[]`. */
export interface Limit {
  readonly type: "Container" | "Pod" | "PersistentVolumeClaim";
  readonly max?: Quota;
  readonly min?: Quota;
  readonly default?: Quota;
  readonly defaultRequest?: Quota;
  readonly maxLimitRequestRatio?: Quota;
}

/** For one namespace, instead of what is said for all; `null` = none. */
export interface NamespaceOverride {
  readonly quota?: Quota | null;
  readonly limitRange?: readonly Limit[] | null;
  /** Of the ServiceAccount, beside those for all: a project's own cloud role. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podSecurity?: PodSecurity;
}

export type PodSecurity = "restricted" | "baseline" | "privileged";

export interface NamespaceConfig {
  readonly mode: NamespaceMode;
  /** True where the API is ours alone: what carries a project's labels is taken over without our mark. */
  readonly adopt: boolean;
  readonly podSecurity: PodSecurity;
  readonly serviceAccount: {
    readonly name: string;
    readonly annotations: Readonly<Record<string, string>>;
    /** Role of the cloud that tasks act in, `none` = they have no rights there. */
    readonly cloudRole: string;
    readonly imagePullSecrets: readonly string[];
  };
  readonly quota?: Quota;
  readonly limitRange?: readonly Limit[];
  /** By namespace name. */
  readonly overrides: Readonly<Record<string, NamespaceOverride>>;
  readonly egress: Egress;
  readonly gateway: {
    readonly namespace: string;
    readonly podLabels: Readonly<Record<string, string>>;
    readonly port: number;
  };
  /** Each has a ServiceAccount of its name in `namespace`, which gets ClusterRole `union-<component>-tasks` here. */
  readonly components: { readonly namespace: string; readonly names: readonly string[] };
  /** PEM: the certificates that tasks trust; read anew at each resync. Absent: no ConfigMap. */
  readonly trust?: () => Promise<string>;
}

/** What works without being told: no quota, DNS of every usual cluster, nothing of the store. */
export const namespaceDefaults = {
  mode: "create",
  adopt: false,
  podSecurity: "restricted",
  serviceAccount: { name: "task", annotations: {}, cloudRole: "none", imagePullSecrets: [] },
  overrides: {},
  egress: {
    dns: [{ namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, ports: [53] }],
    objectStore: [],
    extra: [],
    except: [],
  },
  gateway: { namespace: "union", podLabels: { "app.kubernetes.io/name": "task-gateway" }, port: 8443 },
  components: {
    namespace: "union",
    names: ["operator", "executor", "task-gateway", "log-provider", "secret-service"],
  },
} as const satisfies NamespaceConfig;
