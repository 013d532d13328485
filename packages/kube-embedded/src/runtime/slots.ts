/** What the slots need to know of a pod that has not ended. */
export interface SlotPod {
  readonly uid: string;
  readonly key: string;
  /** Start order: creation time, then key. */
  readonly order: string;
  /** Who this pod is to its children; undefined when it can have none. */
  readonly self?: string;
  /** Whose child it is. */
  readonly parent?: string;
}

export const RUN_LABEL = "flyte.org/run";
export const ACTION_LABEL = "flyte.org/action";
export const PARENT_LABEL = "homeplane.dev/parent";

export function slotPod(pod: {
  readonly uid: string;
  readonly key: string;
  readonly namespace: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
}): SlotPod {
  const run = pod.labels[RUN_LABEL];
  const of = (action: string | undefined): string | undefined =>
    run === undefined || action === undefined || action === "" ? undefined : `${pod.namespace}/${run}/${action}`;
  const self = of(pod.labels[ACTION_LABEL]);
  const parent = of(pod.labels[PARENT_LABEL]);
  return {
    uid: pod.uid,
    key: pod.key,
    order: `${pod.createdAt} ${pod.key}`,
    ...(self === undefined ? {} : { self }),
    ...(parent === undefined ? {} : { parent }),
  };
}

/**
 * Which pods may run. A pod that has a child (running or waiting) is not charged: it waits for it, and would else keep the slot
 * that its child needs; so nesting deeper than the slots can not deadlock. When the children have ended the parent is charged
 * again, and for a while more than `slots` may then be in use: nothing is taken back.
 */
export class Slots {
  readonly #slots: number;
  readonly #pods = new Map<string, SlotPod>();
  readonly #running = new Set<string>();
  readonly #waiting = new Map<string, SlotPod>();
  readonly #children = new Map<string, number>();

  constructor(slots: number) {
    if (!Number.isInteger(slots) || slots < 1)
      throw new RangeError(`slots must be an integer of at least 1, not ${slots}`);
    this.#slots = slots;
  }

  /** A pod that waits for a slot; a second call changes nothing. */
  wait(pod: SlotPod): void {
    if (this.#pods.has(pod.uid)) return;
    this.#pods.set(pod.uid, pod);
    this.#waiting.set(pod.uid, pod);
    if (pod.parent !== undefined) this.#children.set(pod.parent, (this.#children.get(pod.parent) ?? 0) + 1);
  }

  /** The pod has ended or is gone. */
  release(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.#waiting.delete(uid);
    this.#running.delete(uid);
    if (pod.parent === undefined) return;
    const left = (this.#children.get(pod.parent) ?? 1) - 1;
    if (left === 0) this.#children.delete(pod.parent);
    else this.#children.set(pod.parent, left);
  }

  /** Gives out the next free slot: the pod that waited longest, which from now on runs. */
  take(): SlotPod | undefined {
    if (this.#waiting.size === 0 || this.charged() >= this.#slots) return undefined;
    let first: SlotPod | undefined;
    for (const pod of this.#waiting.values()) if (first === undefined || pod.order < first.order) first = pod;
    if (first === undefined) return undefined;
    this.#waiting.delete(first.uid);
    this.#running.add(first.uid);
    return first;
  }

  isWaiting(uid: string): boolean {
    return this.#waiting.has(uid);
  }

  /** How many slots are in use. */
  charged(): number {
    let charged = 0;
    for (const uid of this.#running) {
      const self = this.#pods.get(uid)?.self;
      if (self === undefined || !this.#children.has(self)) charged++;
    }
    return charged;
  }

  get total(): number {
    return this.#slots;
  }
}
