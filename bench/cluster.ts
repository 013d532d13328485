/** What the benchmarks on the test cluster share: Homeplane as a customer installs it, the tasks' pods, and who runs where on the node, which is this machine. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { httpTransport, KubeClient, loadKubeconfig, type Pod, pods } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { builtImages } from "../test/cluster/built-images.ts";
import { InstalledHomeplane } from "../test/cluster/installed/installed-homeplane.ts";
import { type ClusterEnvironment, realCluster } from "../test/cluster/real-cluster.ts";
import { python } from "../test/sdk/sdk-client.ts";
import { actionId, type Clients, over } from "./clients.ts";

export const namespace = "flytesnacks-development";

export interface OnCluster {
  readonly cluster: ClusterEnvironment;
  readonly homeplane: InstalledHomeplane;
  readonly clients: Clients;
}

/** Of this checkout: installed, or upgraded when its images have changed. Left installed. */
export async function onCluster<T>(body: (on: OnCluster) => Promise<T>): Promise<T> {
  const cluster = await realCluster();
  const { homeplane: image = "" } = await builtImages(cluster);
  await using homeplane = await InstalledHomeplane.start(cluster, image);
  const api = httpTransport(await loadKubeconfig(cluster.kubeconfig));
  try {
    const { controlPlane } = homeplane;
    const kube = new KubeClient({ transport: api, clock: systemClock, random: Math.random, log: silentLogger });
    const runs = createClient(RunService, over(controlPlane));
    return await body({ cluster, homeplane, clients: { kube, runs, controlPlane, close: () => api.close() } });
  } finally {
    await api.close();
  }
}

/** Runs a task of hello.py with the real SDK; resolves with the run's name. */
export async function sdkRun({ homeplane }: OnCluster, task: string): Promise<string> {
  const env = { ...(await homeplane.environment()), PYTHONPATH: import.meta.dirname };
  const { stdout } = await promisify(execFile)(python, ["hello.py", task], { cwd: import.meta.dirname, env });
  return stdout.trim().split("\n").at(-1) ?? "";
}

/** What a run of hello sends: with it the next ones need no SDK on this side. */
export async function helloSpec(on: OnCluster): Promise<{ spec: TaskSpec; inputUri: string }> {
  const run = await sdkRun(on, "hello");
  const { details } = await on.clients.runs.getActionDetails({ actionId: actionId(run) });
  if (details?.spec.case !== "task") throw new Error(`run ${run} has no task`);
  const args = (await podsOf(on, run))[0]?.spec.containers[0]?.args ?? [];
  return { spec: details.spec.value, inputUri: args[args.indexOf("--inputs") + 1] ?? "" };
}

export async function podsOf({ clients }: OnCluster, run: string): Promise<readonly Pod[]> {
  return (await clients.kube.list(pods, { namespace, labelSelector: `flyte.org/run=${run}` })).items;
}

/** Our own processes in pods, by component: those of the data plane, or of the control plane. */
export async function componentPids(dataPlane: boolean): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const [, , component = ""] = line.split("\0");
    if (!line.includes("\0/usr/local/bin/homeplane\0") || !line.includes("\0/etc/homeplane/config.yaml\0")) continue;
    if ((component === "control-plane") === dataPlane) continue;
    if (found.has(component)) throw new Error(`${component} runs twice: an upgrade is under way`);
    found.set(component, Number(pid));
  }
  return found;
}
