/**
 * Removes a task's Secret when its pod has ended. Level-triggered: the pods of the label are watched, and every Secret of the label is
 * looked at again now and then, so that one whose pod went unseen, or never came, goes too. What is missed still goes with its
 * TaskAction. Secrets are read one task namespace at a time: nothing here has a right to those of the whole cluster.
 */
import { taskNamespaceLabel, taskSecretLabel } from "@homeplane/idl";
import { Informer, isNotFound, type KubeClient, namespaces, type Pod, pods, secrets, WorkQueue } from "@homeplane/kube";
import { type Clock, type Logger, pause, type Random, runServices, type Service } from "@homeplane/runtime-kit";

/** When the Secret was last brought up to date: the pod is created right after. */
export const madeAtAnnotation = "homeplane.dev/made-at";

const selector = `${taskSecretLabel}=true`;
const taskNamespaces = `${taskNamespaceLabel.name}=${taskNamespaceLabel.value}`;
const sweepMs = 5 * 60_000;
/** A Secret without a pod may be waiting for one that is refused for want of quota; each try makes it anew. */
const orphanMs = 10 * 60_000;
const workers = 4;

export interface BroomOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function createBroom({ client, clock, random, log }: BroomOptions): Service {
  const queue = new WorkQueue({ clock, random, log });
  const informer = new Informer({
    ...{ client, clock, random, log, type: pods, labelSelector: selector },
    project: ({ metadata, status }: Pod) => ({
      metadata: { name: metadata.name, namespace: metadata.namespace ?? "", uid: metadata.uid ?? "" },
      over: status?.phase === "Succeeded" || status?.phase === "Failed",
    }),
  });
  /** Pods that were seen to go: no other one ever has their name, so nothing is waited for. */
  const gone = new Set<string>();
  informer.onChange(({ type, key, object }) => {
    if (type === "deleted") gone.add(key);
    if (type === "deleted" || object.over) queue.add(key);
  });

  /** Asked live: the view may lag behind a pod that was created a moment ago. */
  const remove = async (key: string, signal: AbortSignal): Promise<void> => {
    const [namespace = "", name = ""] = key.split("/");
    const pod = await client.get(pods, { namespace, name }, { signal }).catch(ignoreNotFound);
    if (pod !== undefined && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") return;
    const secret = await client.get(secrets, { namespace, name }, { signal }).catch(ignoreNotFound);
    if (secret?.metadata.labels?.[taskSecretLabel] !== "true") return void gone.delete(key);
    const madeAt = Date.parse(secret.metadata.annotations?.[madeAtAnnotation] ?? "") || 0;
    if (pod === undefined && !gone.has(key) && clock.now() - madeAt < orphanMs) return;
    const { uid = "", resourceVersion = "" } = secret.metadata;
    const preconditions = { uid, resourceVersion };
    await client.delete(secrets, { namespace, name }, { preconditions, signal }).catch(ignoreNotFound);
    gone.delete(key);
    log.info({ event: "secrets.removed", secret: key });
  };

  const sweepNamespace = async (namespace: string, signal: AbortSignal): Promise<void> => {
    try {
      for await (const { items } of client.listPages(secrets, { namespace, labelSelector: selector, signal }))
        for (const { metadata } of items) queue.add(`${namespace}/${metadata.name}`);
    } catch (error) {
      // One whose rights are not set up yet, or that is going, keeps nobody from the others.
      if (!signal.aborted) log.warn({ event: "secrets.sweep_failed", namespace, err: error });
    }
  };

  const sweep = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const { items } = await client.list(namespaces, { labelSelector: taskNamespaces, signal });
        for (const { metadata } of items) await sweepNamespace(metadata.name, signal);
      } catch (error) {
        if (!signal.aborted) log.warn({ event: "secrets.sweep_failed", err: error });
      }
      await pause(clock, sweepMs * (0.75 + 0.5 * random()), signal);
    }
  };

  return {
    name: "secret-service",
    run: (signal) =>
      runServices(
        [
          { name: "secret-service.pods", run: (stop) => informer.run(stop) },
          { name: "secret-service.sweep", run: sweep },
          {
            name: "secret-service.workers",
            run: (stop) => queue.run({ workers, process: remove, signal: stop }),
          },
        ],
        signal,
      ),
  };
}

function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
