/** What the components of an installation say of themselves, by their `/readyz`, and what Kubernetes says of their pods. */
import { collect, type KubeClient, type Pod, pods, type Transport } from "@homeplane/kube";
import { messageOf } from "@homeplane/runtime-kit";

export interface ComponentHealth {
  readonly component: string;
  readonly pod: string;
  readonly ready: boolean;
  /** In sentences: what keeps it from working, or what it wants somebody to know. */
  readonly problems: readonly string[];
}

export interface Cluster {
  readonly client: KubeClient;
  /** For what is no object: a pod's own answers. */
  readonly transport: Transport;
}

const nameLabel = "app.kubernetes.io/name";
const selector = "app.kubernetes.io/part-of=homeplane";
const probePort = 8081;
const answerMs = 5_000;
const largestAnswer = 64 << 10;

export async function componentHealth(
  { client, transport }: Cluster,
  namespace: string,
): Promise<readonly ComponentHealth[]> {
  const { items } = await client.list(pods, { namespace, labelSelector: selector });
  const found = await Promise.all(
    items.map(async (pod): Promise<ComponentHealth> => {
      const component = pod.metadata.labels?.[nameLabel] ?? "";
      const { name } = pod.metadata;
      const ready = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
      const held = heldUp(pod);
      const problems = held === undefined ? await ownWords(transport, namespace, name) : [held];
      return { component, pod: name, ready, problems };
    }),
  );
  return found.sort((a, b) => `${a.component}/${a.pod}`.localeCompare(`${b.component}/${b.pod}`));
}

/** Why a pod's program does not run, in the words of Kubernetes. */
function heldUp({ metadata, status }: Pod): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return "is being deleted";
  const unscheduled = status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled !== undefined) return `finds no node: ${unscheduled.message ?? unscheduled.reason ?? ""}`;
  for (const { name, state } of status?.containerStatuses ?? []) {
    if (state?.waiting !== undefined)
      return `container ${name} waits: ${[state.waiting.reason, state.waiting.message].filter(Boolean).join(": ")}`;
    if (state?.terminated !== undefined) return `container ${name} ended with ${state.terminated.exitCode}`;
  }
  return status?.phase === "Running" ? undefined : `the pod is ${status?.phase ?? "new"}`;
}

async function ownWords(transport: Transport, namespace: string, pod: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${probePort}/proxy/readyz`;
  try {
    const signal = AbortSignal.timeout(answerMs);
    const answer = await transport.request({ method: "GET", path, headers: { accept: "application/json" }, signal });
    const text = new TextDecoder().decode(await collect(answer.body, largestAnswer));
    return problemsIn(answer.status, text);
  } catch (error) {
    return [`does not answer: ${messageOf(error)}`];
  }
}

/** See `serve/probes.ts` for the answer; what is no such answer is the API server's own. */
function problemsIn(status: number, text: string): readonly string[] {
  try {
    const { state, checks, message } = JSON.parse(text) as {
      readonly state?: string;
      readonly checks?: Readonly<Record<string, string>>;
      readonly message?: string;
    };
    if (checks === undefined) return [`can not be asked (HTTP ${status}): ${message ?? text.slice(0, 200)}`];
    const told = Object.entries(checks).filter(([, problem]) => problem !== "ok");
    return [...(state === "serving" ? [] : [`is ${state}`]), ...told.map(([name, problem]) => `${name}: ${problem}`)];
  } catch {
    return [`can not be asked (HTTP ${status}): ${text.slice(0, 200)}`];
  }
}
