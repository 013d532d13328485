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
 *
 * A slot goes to the deepest, then the oldest. A pod at depth d is therefore let in only when each that runs at depth d has no
 * waiting child, so keeps a slot in use by itself or by one below it: at each depth run at most `slots`, in all at most `slots`
 * times the depth of the tree (as long as no pod ends before its children). By age alone all parents would be let in first.
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

  /** Gives out the next free slot: the pod with most running ancestors, of these the oldest. From now on it runs. */
  take(): SlotPod | undefined {
    if (this.#waiting.size === 0 || this.charged() >= this.#slots) return undefined;
    const depthBelow = this.#depths();
    let first: SlotPod | undefined;
    let firstDepth = 0;
    for (const pod of this.#waiting.values()) {
      const depth = depthBelow(pod.parent);
      if (first !== undefined && (depth < firstDepth || (depth === firstDepth && pod.order >= first.order))) continue;
      first = pod;
      firstDepth = depth;
    }
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

  /** How many running pods there are in a row from `parent` upwards. Siblings share the answer. */
  #depths(): (parent: string | undefined) => number {
    const parents = new Map<string, string | undefined>();
    for (const uid of this.#running) {
      const pod = this.#pods.get(uid);
      if (pod?.self !== undefined) parents.set(pod.self, pod.parent);
    }
    const depths = new Map<string, number>();
    return (parent) => {
      if (parent === undefined) return 0;
      const known = depths.get(parent);
      if (known !== undefined) return known;
      // A set, for labels are anybody's: they may go round in a circle.
      const row = new Set<string>();
      for (
        let at: string | undefined = parent;
        at !== undefined && parents.has(at) && !row.has(at);
        at = parents.get(at)
      )
        row.add(at);
      depths.set(parent, row.size);
      return row.size;
    };
  }
}
