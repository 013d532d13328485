import type { TaskActionView } from "../resource.ts";
import type { PodRecord } from "./pod-record.ts";

/**
 * Our own writes before the watch echoes them: an informer lags, and a pass on a view older than our last patch would decide twice. The newer of
 * the two by resourceVersion wins (comparable as numbers since Kubernetes 1.35's API contract, and in every server since etcd).
 */
export class FreshView {
  readonly #written = new Map<string, TaskActionView>();
  /** The last pod of an action that was seen to go, by the action's uid. */
  readonly #lost = new Map<string, PodRecord>();

  note(taskAction: TaskActionView): void {
    const { uid = "" } = taskAction.metadata;
    this.#written.set(uid, taskAction);
  }

  latest(seen: TaskActionView): TaskActionView {
    const { uid = "" } = seen.metadata;
    const written = this.#written.get(uid);
    if (written === undefined) return seen;
    if (version(written) > version(seen)) return written;
    this.#written.delete(uid);
    return seen;
  }

  noteLost(uid: string, pod: PodRecord): void {
    this.#lost.set(uid, pod);
  }

  /** The pod of that name as it was last seen, when it was seen to go. */
  lost({ metadata }: TaskActionView, podName: string): PodRecord | undefined {
    const pod = this.#lost.get(metadata.uid ?? "");
    return pod?.metadata.name === podName ? pod : undefined;
  }

  forget(uid: string): void {
    this.#written.delete(uid);
    this.#lost.delete(uid);
  }
}

function version({ metadata }: TaskActionView): bigint {
  return BigInt(metadata.resourceVersion || "0");
}
