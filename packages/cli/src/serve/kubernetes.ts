/** The cluster's API, and whether it answers. */
import { httpTransport, inClusterConfig, KubeClient, loadKubeconfig, type Transport } from "@homeplane/kube";
import { type Logger, messageOf, systemClock as clock } from "@homeplane/runtime-kit";
import type { Check } from "./probes.ts";

export interface Kubernetes {
  readonly client: KubeClient;
  /** For what is no object. */
  readonly transport: Transport;
  readonly check: Check;
  close(): Promise<void>;
}

/** Its restart takes that long. One that never answered gets no patience: a new pod must not take over from one that works. */
const patienceMs = 15_000;

export async function connectKubernetes(
  { kubeconfig }: { readonly kubeconfig?: string | undefined },
  environment: NodeJS.ProcessEnv,
  userAgent: string,
  log: Logger,
): Promise<Kubernetes> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  const cluster = await (kubeconfig === undefined ? inClusterConfig({ host, port }) : loadKubeconfig(kubeconfig));
  const inner = httpTransport(cluster);
  let hasAnswered = false;
  let failing: { readonly since: number; readonly problem: string } | undefined;
  const transport: Transport = {
    async request(request) {
      try {
        const answer = await inner.request(request);
        if (failing !== undefined)
          log.info({ event: "kubernetes.back", server: cluster.server, afterMs: clock.now() - failing.since });
        failing = undefined;
        hasAnswered = true;
        return answer;
      } catch (error) {
        if (request.signal?.aborted !== true && failing === undefined) {
          failing = {
            since: clock.now(),
            problem: `the Kubernetes API at ${cluster.server} does not answer: ${messageOf(error)}`,
          };
          log.warn({ event: "kubernetes.lost", problem: failing.problem });
        }
        throw error;
      }
    },
    close: () => inner.close(),
  };
  const client = new KubeClient({ transport, log, clock, random: Math.random, userAgent: `homeplane-${userAgent}` });
  const problem = (): string | undefined =>
    failing !== undefined && (!hasAnswered || clock.now() - failing.since >= patienceMs) ? failing.problem : undefined;
  return { client, transport, check: { name: "kubernetes", problem }, close: () => transport.close() };
}
