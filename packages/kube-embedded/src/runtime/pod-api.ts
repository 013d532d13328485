import {
  configMaps,
  isConflict,
  isNotFound,
  type KubeClient,
  KubeError,
  type PodStatus,
  pods,
  secrets,
} from "@homeplane/kube";
import { type PodView, podView } from "./pod-view.ts";
import { type DataKind, type ObjectData, type References, serviceAccountOf, Unresolved } from "./references.ts";

/** The few calls that the process runtime makes. Each names the pod's uid: a namesake that came later is never touched. */
export class PodApi implements References {
  readonly #client: KubeClient;
  readonly #nodeName: string;

  constructor(client: KubeClient, nodeName: string) {
    this.#client = client;
    this.#nodeName = nodeName;
  }

  /**
   * Binds the pod to this node. Without a node the API server would delete the pod at once when asked to, and give its
   * processes no grace. False when the pod has gone or is to go.
   */
  async bind(pod: PodView, signal: AbortSignal): Promise<boolean> {
    if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== "")
      return (await this.live(pod, signal)) !== undefined;
    try {
      await this.#client.bind(pod, this.#nodeName, { signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      if (!isConflict(error)) throw error;
    }
    // It may be ours already, by a try whose answer was lost.
    const live = await this.live(pod, signal);
    return live?.spec.nodeName === this.#nodeName && live.deletion === undefined;
  }

  /** The pod as it is now, not as a watch last saw it; undefined when it has gone. */
  async live(pod: PodView, signal: AbortSignal): Promise<PodView | undefined> {
    const found = await unlessGone(this.#client.get(pods, pod, { signal }));
    return found === undefined || found.metadata.uid !== pod.uid ? undefined : podView(found);
  }

  async writeStatus(pod: PodView, status: PodStatus, signal: AbortSignal): Promise<void> {
    const patch = { metadata: { uid: pod.uid }, status };
    await unlessGone(this.#client.patch(pods, pod, patch, { subresource: "status", signal }));
  }

  /** The last step of a deletion: says that nothing of the pod runs any more. */
  async confirmDeletion(pod: PodView, signal: AbortSignal): Promise<void> {
    const how = { gracePeriodSeconds: 0, preconditions: { uid: pod.uid }, signal };
    await unlessGone(this.#client.delete(pods, pod, how));
  }

  async read(kind: DataKind, namespace: string, name: string): Promise<ObjectData | undefined> {
    if (kind === "secret") {
      const secret = await unlessGone(this.#client.get(secrets, { namespace, name }));
      return secret && new Map(decoded(secret.data));
    }
    const map = await unlessGone(this.#client.get(configMaps, { namespace, name }));
    const plain = Object.entries(map?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
    return map && new Map([...plain, ...decoded(map.binaryData)]);
  }

  async token(pod: PodView, audience?: string, expirationSeconds?: number): Promise<string> {
    const account = { namespace: pod.namespace, name: serviceAccountOf(pod) };
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: pod.name, uid: pod.uid };
    const audiences = audience === undefined || audience === "" ? [] : [audience];
    const spec = { audiences, boundObjectRef, ...(expirationSeconds === undefined ? {} : { expirationSeconds }) };
    try {
      return (await this.#client.createToken(account, spec)).token;
    } catch (error) {
      if (!(error instanceof KubeError) || error.status < 400 || error.status >= 500) throw error;
      throw new Unresolved(`no token of service account "${account.name}": ${error.message}`);
    }
  }
}

function decoded(data: Readonly<Record<string, string>> = {}): readonly (readonly [string, Buffer])[] {
  return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64")]);
}

/** Undefined when the object is not there, or is a namesake of another uid. */
async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined;
    throw error;
  }
}
