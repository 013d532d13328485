/** `homeplane status --namespace union`: an installation on a cluster, from outside, with the rights of whoever asks. */
import { httpTransport, KubeClient, loadKubeconfig } from "@homeplane/kube";
import { HomeplaneError, silentLogger, systemClock } from "@homeplane/runtime-kit";
import { type Cluster, type ComponentHealth, componentHealth } from "./component-health.ts";
import { type ActionCounts, actionCounts } from "./waiting-actions.ts";

export interface InstallationStatus {
  readonly namespace: string;
  readonly ok: boolean;
  readonly components: readonly ComponentHealth[];
  /** What an installation has and this one lacks. */
  readonly missing: readonly string[];
  readonly actions: ActionCounts;
}

const controlPlane = "control-plane";

/** `names`: of all components that there are. */
export async function installationStatus(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<InstallationStatus> {
  const components = await componentHealth(cluster, namespace);
  if (components.length === 0)
    throw new HomeplaneError(
      "NotInstalled",
      `namespace ${namespace} has no pod of Homeplane`,
      "name the namespace of the release with --namespace (`helm list -A` shows it), or install it: docs/guide/install.md",
    );
  const has = new Set(components.map(({ component }) => component));
  // The control plane has a release of its own.
  const expected = has.has(controlPlane) && has.size === 1 ? [] : names.filter((name) => name !== controlPlane);
  const missing = expected.filter((name) => !has.has(name));
  const ok = missing.length === 0 && components.every(({ ready }) => ready);
  return { namespace, ok, components, missing, actions: await actionCounts(cluster.client) };
}

export function statusText({ namespace, components, missing, actions }: InstallationStatus): string {
  const width = Math.max(...components.map(({ component }) => component.length), ...missing.map((name) => name.length));
  const lines = [`homeplane in namespace ${namespace}`];
  for (const { component, pod, ready, problems } of components) {
    lines.push(`  ${component.padEnd(width)}  ${ready ? "ready    " : "not ready"}  ${pod}`);
    for (const problem of problems) lines.push(`  ${" ".repeat(width)}  ${problem}`);
  }
  for (const name of missing)
    lines.push(
      `  ${name.padEnd(width)}  no pod: kubectl describe deployment,replicaset -n ${namespace} -l app.kubernetes.io/name=${name}`,
    );
  lines.push(`  actions: ${actions.running} running, ${actions.waiting} waiting`);
  for (const { namespace: home, name, phase, message } of actions.told)
    lines.push(`    ${home}/${name} ${phase}: ${message}`);
  return lines.join("\n");
}

/** Uses the kubeconfig as kubectl does. */
export async function connect(kubeconfig: string, environment: NodeJS.ProcessEnv): Promise<Cluster> {
  const transport = httpTransport(await loadKubeconfig(kubeconfig, { env: environment }));
  const common = { log: silentLogger, clock: systemClock, random: Math.random };
  return { transport, client: new KubeClient({ ...common, transport, userAgent: "homeplane-status" }) };
}
