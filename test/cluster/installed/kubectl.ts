/** kubectl and helm against the test cluster, as an administrator types them. Both resolve with what was printed, and fail with its words. */
import type { ClusterEnvironment } from "../bootstrap/environment.ts";
import { run, type RunOptions } from "../bootstrap/run.ts";

type Options = Pick<RunOptions, "input" | "timeoutMs">;

const minutes = 60_000;

export function kubectl(cluster: ClusterEnvironment, args: readonly string[], options: Options = {}): Promise<string> {
  return run(cluster.kubectl, args, { timeoutMs: 2 * minutes, ...options, env: { KUBECONFIG: cluster.kubeconfig } });
}

export function helm(cluster: ClusterEnvironment, args: readonly string[], options: Options = {}): Promise<string> {
  return run(cluster.helm, args, { timeoutMs: 5 * minutes, ...options, env: { KUBECONFIG: cluster.kubeconfig } });
}

/** `kubectl apply` of objects. */
export async function apply(cluster: ClusterEnvironment, objects: readonly object[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join("\n---\n");
  await kubectl(cluster, ["apply", "-f", "-"], { input });
}
