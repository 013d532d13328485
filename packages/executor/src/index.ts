export {
  type ClusterPodConfig,
  clusterPodDefaults,
  type ExecutorConfig,
  executorDefaults,
  type PodConfig,
} from "./config.ts";
export { createExecutor, type Executor, type ExecutorOptions } from "./executor.ts";
