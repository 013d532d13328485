/** Where a cluster is and how to prove who we are. PEM in `ca`, `certificate` and `key`. */
export interface ClusterConfig {
  /** `https://host:port`, perhaps with a path before `/api`. */
  readonly server: string;
  /** The namespace of the kubeconfig's context, or the pod's own; "default" when none is named. */
  readonly namespace: string;
  /** Absent: the system's roots. */
  readonly ca?: string;
  readonly insecureSkipVerify?: boolean;
  /** The name that the server's certificate must carry, when not the host of `server`. */
  readonly serverName?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: TokenSource;
}

export type TokenSource =
  | { readonly kind: "static"; readonly token: string }
  /** Read again each minute: projected tokens change on disk. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "exec"; readonly plugin: ExecPlugin };

/** The older one is what the tools of EKS and GKE write into kubeconfigs; of what is read here both have the same fields. */
export const EXEC_API_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;
export type ExecApiVersion = (typeof EXEC_API_VERSIONS)[number];

/** `users[].user.exec` of a kubeconfig. */
export interface ExecPlugin {
  /** What it is asked in and answers in. */
  readonly apiVersion: ExecApiVersion;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the plug-in. */
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
  /** Passed to a plug-in that asks for it with `provideClusterInfo`. */
  readonly clusterInfo?: Readonly<Record<string, unknown>>;
}
