import type { Toleration } from "@homeplane/kube";
import type { Backoff } from "@homeplane/runtime-kit";

/** What pods of a real cluster have, and the embedded default's processes have not. */
export interface ClusterPodConfig {
  /** Our own image, by digest where it can be: it runs what comes before and beside the task. */
  readonly initImage: string;
  /** Labels of every task pod, e.g. `azure.workload.identity/use`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Names of Secrets in the task's namespace. */
  readonly imagePullSecrets: readonly string[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  /** Empty: the cluster's default. */
  readonly priorityClassName: string;
  /** Absent where tasks reach the store by other means (GKE, Azure). */
  readonly webIdentity?: {
    readonly audience: string;
    readonly roleArn: string;
    readonly region: string;
    /** Absent: AWS's own. */
    readonly stsEndpoint?: string;
    readonly endpoint?: string;
  };
  /** How much a task's code and home may weigh; a pod that exceeds it is evicted. */
  readonly workSizeLimit: string;
  /** Node labels that tell a GPU's model and how it is partitioned. */
  readonly accelerators: { readonly modelLabel: string; readonly partitionLabel: string };
}

export const clusterPodDefaults = {
  labels: {},
  imagePullSecrets: [],
  nodeSelector: {},
  tolerations: [],
  priorityClassName: "",
  workSizeLimit: "10Gi",
  accelerators: {
    modelLabel: "k8s.amazonaws.com/accelerator",
    partitionLabel: "k8s.amazonaws.com/gpu-partition-size",
  },
} as const satisfies Partial<ClusterPodConfig>;

/** How task pods are made; the same for every pod of the data plane. */
export interface PodConfig {
  /** Never empty: the SDK refuses to start without. */
  readonly org: string;
  /** The task gateway as `host:port`: the only address that pods talk to, besides the object store. */
  readonly gateway: { readonly hostPort: string; readonly insecure: boolean };
  /** Environment of every pod by which it reaches the object store. */
  readonly objectStoreEnv: Readonly<Record<string, string>>;
  /** Requests of a container that asks for nothing. */
  readonly defaultRequests: { readonly cpu: string; readonly memory: string };
  /** Numeric, because images name users that the kubelet can not tell from root. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Of the SDK in which every task runs, where there is only one (the embedded default); images bring their own. */
  readonly sdkVersion?: string;
  /** The interpreter of that one environment. */
  readonly python?: string;
  readonly serviceAccount?: string;
  /** Between SIGTERM and SIGKILL. */
  readonly gracePeriodSeconds: number;
  /** Present on a real cluster. */
  readonly cluster?: ClusterPodConfig;
}

export interface ExecutorConfig {
  readonly pod: PodConfig;
  readonly cluster: string;
  readonly systemFailureLimit: number;
  readonly systemFailureBackoff: Backoff;
  /** How long an image may fail to be pulled, or a container to be created, before that is the action's failure. */
  readonly startGraceMs: number;
  /** How long after its grace time a pod that is being stopped may go on to exist before its action ends all the same. */
  readonly stuckPodMs: number;
  /** How long an ended run's TaskActions stay, after everything is acknowledged. */
  readonly retentionMs: number;
  /** How many of them stay at most; those that ended first go first. */
  readonly retainedRuns: number;
  readonly workers: number;
}

export const executorDefaults = {
  systemFailureLimit: 3,
  systemFailureBackoff: { baseMs: 1_000, maxMs: 5 * 60_000, jitter: "full" },
  startGraceMs: 3 * 60_000,
  stuckPodMs: 60_000,
  retentionMs: 60 * 60_000,
  retainedRuns: 1_000,
  workers: 16,
} as const satisfies Partial<ExecutorConfig>;
