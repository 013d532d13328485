/** The TaskActions as parents see them: an informer, indexed by parent, and a topic per parent. */
import { type TaskAction, taskActionName, taskActions } from "@homeplane/idl";
import { Informer, type KubeClient, type ResourceType } from "@homeplane/kube";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import { uidHash } from "./identity/caller.ts";

export const taskActionType: ResourceType<TaskAction> = taskActions;

/** All but the template, which nobody here reads again. */
function project(object: TaskAction): TaskAction {
  const { taskTemplate: _template, conditionSpec: _condition, ...spec } = object.spec;
  return { ...object, spec };
}

/** Namespace and name of the parent's TaskAction. */
export function parentKey(child: TaskAction): string {
  const { spec, metadata } = child;
  return spec.parentActionName === undefined
    ? ""
    : `${metadata.namespace}/${taskActionName(spec.runName, spec.parentActionName)}`;
}

export interface ChildListener {
  (child: TaskAction): void;
}

export class Children {
  readonly informer: Informer<TaskAction, TaskAction>;
  readonly #listeners = new Map<string, Set<ChildListener>>();

  constructor(options: { client: KubeClient; clock: Clock; random: Random; log: Logger }) {
    this.informer = new Informer({
      ...options,
      type: taskActionType,
      project,
      indexes: { parent: (child) => [parentKey(child)], uid: (action) => [uidHash(action)] },
    });
    this.informer.onChange(({ type, object }) => {
      // A resource that is cleaned away says nothing new of the action.
      if (type === "deleted") return;
      for (const listener of this.#listeners.get(parentKey(object)) ?? []) listener(object);
    });
  }

  of(parent: string): TaskAction[] {
    return this.informer.byIndex("parent", parent);
  }

  /** The actions that a pod of such a name may belong to. */
  byUidHash(hash: string): TaskAction[] {
    return this.informer.byIndex("uid", hash);
  }

  listen(parent: string, listener: ChildListener): () => void {
    const set = this.#listeners.get(parent) ?? new Set();
    this.#listeners.set(parent, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(parent);
    };
  }
}
