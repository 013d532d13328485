import { clusterPodDefaults, type ExecutorConfig, executorDefaults } from "@homeplane/executor";
import type { DataPlaneConfig } from "./config.ts";

type ClusterPod = NonNullable<ExecutorConfig["pod"]["cluster"]>;

/** What the executor makes of the configuration. */
export function executorConfig(config: DataPlaneConfig): ExecutorConfig {
  const { cluster, org, services, tasks } = config;
  const { hostname, port } = new URL(services.taskGateway);
  return {
    ...executorDefaults,
    cluster,
    startGraceMs: tasks.startGraceSeconds * 1000,
    pod: {
      org,
      gateway: { hostPort: `${hostname}:${port === "" ? "443" : port}`, insecure: false },
      // Tasks have credentials of their own, by their ServiceAccount.
      objectStoreEnv: {},
      defaultRequests: tasks.defaultRequests,
      user: tasks.user,
      serviceAccount: tasks.serviceAccount,
      gracePeriodSeconds: tasks.gracePeriodSeconds,
      cluster: clusterPod(config),
    },
  };
}

function clusterPod({ tasks, objectStore }: DataPlaneConfig): ClusterPod {
  const { endpoint, stsEndpoint = endpoint, region, taskRoleArn, webIdentityAudience: audience } = objectStore;
  const { initImage, podLabels: labels, imagePullSecrets, nodeSelector, tolerations, priorityClassName } = tasks;
  return {
    ...clusterPodDefaults,
    ...{ initImage, labels, imagePullSecrets, nodeSelector, priorityClassName },
    tolerations: tolerations.map((toleration) => withoutAbsent(toleration)),
    // Without a role that a token is exchanged for, the cluster's own means give tasks their identity.
    ...(taskRoleArn === undefined
      ? {}
      : {
          webIdentity: {
            ...{ audience, roleArn: taskRoleArn, region },
            ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
            ...(endpoint === undefined ? {} : { endpoint }),
          },
        }),
  };
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Present<T>;
}
