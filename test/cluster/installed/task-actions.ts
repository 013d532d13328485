/** TaskActions as they stand in the cluster, whatever the control plane knows of them. */
import type { TaskAction } from "@homeplane/idl";
import type { ClusterEnvironment } from "../bootstrap/environment.ts";
import { kubectl } from "./kubectl.ts";

/** Those of a run. */
export async function taskActions(
  cluster: ClusterEnvironment,
  namespace: string,
  run: string,
): Promise<readonly TaskAction[]> {
  const args = ["get", "taskactions", "-n", namespace, "-l", `flyte.org/run=${run}`, "-o", "json"];
  return (JSON.parse(await kubectl(cluster, args)) as { items: TaskAction[] }).items;
}

/** What `kubectl describe` says of them, its lines joined: it wraps long texts. */
export async function described(cluster: ClusterEnvironment, namespace: string, run: string): Promise<string> {
  const text = await kubectl(cluster, ["describe", "taskactions", "-n", namespace, "-l", `flyte.org/run=${run}`]);
  return text.replaceAll(/\s+/g, " ");
}
