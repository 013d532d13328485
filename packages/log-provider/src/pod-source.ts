import { labels } from "@homeplane/idl";
import { Informer, isNotFound, keyOf, type Pod, pods } from "@homeplane/kube";
import type { Context } from "./options.ts";
import { type TaskPod, taskPod } from "./task-pod.ts";

/** Names one pod, also after another one of the same name was made. */
export type PodRef = Pick<TaskPod, "namespace" | "name" | "uid">;

/** The pods of tasks, as the informer knows them where that is enough, and as the API says where it must be exact. */
export class PodSource {
  readonly informer: Informer<Pod, TaskPod>;
  readonly #context: Context;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(context: Context) {
    const { client, clock, random, log, org } = context;
    this.#context = context;
    this.informer = new Informer({
      client,
      type: pods,
      labelSelector: `${labels.managed}=true`,
      project: (pod: Pod) => taskPod(org, pod),
      clock,
      random,
      log,
    });
    this.informer.onChange(({ key }) => {
      for (const wake of this.#waiting.get(key) ?? []) wake();
    });
  }

  /** From the API. */
  async list(namespace: string, labelSelector: string, signal: AbortSignal): Promise<TaskPod[]> {
    const { client, org } = this.#context;
    const { items } = await client.list(pods, { namespace, labelSelector, signal });
    return items.map((pod) => taskPod(org, pod));
  }

  /** Perhaps a moment old; undefined when it is gone. */
  async current(ref: PodRef, signal: AbortSignal): Promise<TaskPod | undefined> {
    const known = this.informer.hasSynced ? this.informer.get(keyOf(ref)) : undefined;
    return known?.uid === ref.uid ? known : await this.get(ref, signal);
  }

  /** From the API; undefined when it is gone. */
  async get(ref: PodRef, signal: AbortSignal): Promise<TaskPod | undefined> {
    const { client, org } = this.#context;
    try {
      const pod = taskPod(org, await client.get(pods, { namespace: ref.namespace, name: ref.name }, { signal }));
      return pod.uid === ref.uid ? pod : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Resolves at the pod's next change, after `ms` at the latest; rejects with the signal's reason. */
  changed(ref: PodRef, ms: number, signal: AbortSignal): Promise<void> {
    const key = keyOf(ref);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const set = this.#waiting.get(key) ?? new Set();
      const settle = (): void => {
        cancel();
        signal.removeEventListener("abort", settle);
        set.delete(settle);
        if (set.size === 0 && this.#waiting.get(key) === set) this.#waiting.delete(key);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      const cancel = this.#context.clock.after(ms, settle);
      signal.addEventListener("abort", settle, { once: true });
      this.#waiting.set(key, set.add(settle));
    });
  }
}
