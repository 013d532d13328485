/**
 * `TaskAction` (flyte.org/v1): the custom resource through which work reaches the executor. Field names are those of open-source
 * Flyte 2, so that the executor also works under its control plane; what is ours is optional. See docs/reference/taskaction.md.
 */
export interface TaskActionSpec {
  readonly runName: string;
  readonly actionName: string;
  readonly project: string;
  readonly domain: string;
  /** Absent on the root. */
  readonly parentActionName?: string;
  readonly actionType?: "task" | "condition";
  /** base64 of protobuf `flyteidl2.workflow.ConditionAction`. */
  readonly conditionSpec?: string;
  readonly inputUri?: string;
  /** Base URI of the run's data; the root's is `<bucket>/<org>/<project>/<domain>/<run>`. */
  readonly runOutputBase?: string;
  readonly cacheKey?: string;
  readonly taskType?: string;
  readonly shortName?: string;
  /** base64 of protobuf `flyteidl2.core.TaskTemplate`. */
  readonly taskTemplate?: string;
  readonly envVars?: Readonly<Record<string, string>>;
  readonly interruptible?: boolean;
  readonly group?: string;
  readonly org?: string;
  readonly fencingToken?: number;
  /** base64 of protobuf `flyteidl2.task.RunSpec`. */
  readonly runSpec?: string;
  /** base64 of protobuf `flyteidl2.task.TaskIdentifier`; ours, so that a child can be reported with what it runs. */
  readonly taskId?: string;
  /** base64 of protobuf `homeplane.v1.RecoveredAction`; ours. The action has succeeded in another run: it is not run again. */
  readonly recovered?: string;
}

/** A template and what wraps it must fit into one object of the API (etcd's values end at 1.5 MiB). In bytes of protobuf. */
export const maxTemplateBytes = 1 << 20;

export type ConditionType = "Progressing" | "Succeeded" | "Failed";

/** Reasons of conditions; the names are Flyte's. */
export type Reason =
  | "Queued"
  | "Initializing"
  | "Executing"
  | "Completed"
  | "RetryableFailure"
  | "PermanentFailure"
  | "Aborted"
  | "PluginNotFound"
  | "InvalidSpec"
  | "Paused"
  | "Signaled"
  | "TimedOut";

export interface Condition {
  readonly type: ConditionType;
  readonly status: "True" | "False";
  readonly reason: Reason;
  readonly message?: string;
  readonly lastTransitionTime: string;
}

/** Names of flyteidl2 `ActionPhase` without their prefix. */
export type Phase =
  | "QUEUED"
  | "WAITING_FOR_RESOURCES"
  | "INITIALIZING"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "ABORTED"
  | "TIMED_OUT"
  | "PAUSED"
  | "RECOVERED";

export interface PhaseEntry {
  readonly phase: Phase;
  readonly occurredAt: string;
  readonly message?: string;
  readonly attempt?: number;
}

export interface ErrorState {
  readonly code: string;
  readonly kind: "USER" | "SYSTEM";
  readonly message: string;
}

/** Names of flyteidl2 `CatalogCacheStatus`; a task that is not cached has none. */
export type CacheStatus =
  | "CACHE_MISS"
  | "CACHE_HIT"
  | "CACHE_POPULATED"
  | "CACHE_LOOKUP_FAILURE"
  | "CACHE_PUT_FAILURE"
  /** The run wanted it done anew. */
  | "CACHE_SKIPPED";

/** The attempt that made a cached output; in the same project and domain. */
export interface CacheSource {
  readonly runName: string;
  readonly actionName: string;
  readonly attempt: number;
}

/** One ended attempt: all that is needed to report it again after a crash. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly phase: "SUCCEEDED" | "FAILED" | "ABORTED" | "TIMED_OUT" | "RECOVERED";
  readonly startedAt: string;
  readonly endedAt: string;
  readonly error?: ErrorState;
  readonly podName?: string;
  /** Of a cache hit: of the attempt that made it. */
  readonly outputUri?: string;
  readonly cacheStatus?: CacheStatus;
  readonly cacheSource?: CacheSource;
}

/** One pod of an attempt that was lost to a system failure: the attempt went on in another one. */
export interface Relaunch {
  readonly attempt: number;
  readonly at: string;
  readonly podName?: string;
  readonly code: string;
  readonly message: string;
}

/** Which bound on its time a task has exceeded; the SDK picks its exception by it. */
export type ExceededCode = "MAX_RUNTIME_EXCEEDED" | "QUEUED_TIMEOUT_EXCEEDED" | "DEADLINE_EXCEEDED";

/** A bound that the action has exceeded while it had a pod: decided, and the pod is being stopped for it. */
export interface Exceeded {
  readonly podName: string;
  readonly code: ExceededCode;
  readonly message: string;
  readonly at: string;
}

export interface TaskActionStatus {
  readonly conditions?: readonly Condition[];
  /** The current attempt, from 1. */
  readonly attempts?: number;
  /** System failures of the current attempt; its pod's incarnation. */
  readonly systemFailures?: number;
  /** Ours: how many of those were orderly stops of the node; they are not charged to the budget for system failures. */
  readonly nodeStops?: number;
  readonly cacheStatus?: CacheStatus;
  readonly phaseHistory?: readonly PhaseEntry[];
  readonly errorState?: ErrorState;
  readonly stateJson?: string;
  /** The answer to a condition, base64 of protobuf `flyteidl2.core.Literal`; with the two below written by whoever brings it, once. */
  readonly signalValue?: string;
  readonly signalledBy?: string;
  readonly signalledAt?: string;
  /** Ours: ended attempts, oldest first. */
  readonly attemptHistory?: readonly AttemptRecord[];
  /** Ours: since when the current pod is waited for; absent for an action's first. */
  readonly queuedAt?: string;
  /** Ours: no pod is created before this time (backoff of a retry or relaunch). */
  readonly notBefore?: string;
  /** Ours: the last few, oldest first. */
  readonly relaunches?: readonly Relaunch[];
  /** Ours: counts as long as the pod that it names is the current one. */
  readonly exceeded?: Exceeded;
}

export interface TaskAction {
  readonly apiVersion: "flyte.org/v1";
  readonly kind: "TaskAction";
  readonly metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: {
      apiVersion: string;
      kind: string;
      name: string;
      uid: string;
      controller?: boolean;
      blockOwnerDeletion?: boolean;
    }[];
  };
  readonly spec: TaskActionSpec;
  readonly status?: TaskActionStatus;
}

export const taskActions = {
  group: "flyte.org",
  version: "v1",
  plural: "taskactions",
  kind: "TaskAction",
  namespaced: true,
} as const;
