import type { PlacedPod } from "./pod-family.ts";

/** Why a pod waits. `never`: of these it asks for more than there is at all. */
export type Shortage = { readonly lacking: readonly string[]; readonly never: boolean };

/**
 * Which pods may run, by what they request of `allocatable`. A pod that has a child (running or waiting) is not charged: it waits
 * for it, and would else keep the room that its child needs; so nesting of any depth can not deadlock. When the children have
 * ended the parent is charged again, and for a while more than there is may then be in use: nothing is taken back.
 *
 * Room goes to the deepest, then the oldest; who is next and does not fit keeps the others waiting, or small pods would pass a
 * large one for ever. As all that are charged end in time (or wait for children, and are charged no more), whoever fits the
 * empty node is placed at last. Who does not is nobody's next. A pod at depth d is let in only when each that runs at depth d
 * has no waiting child, so is charged itself or has a charged pod below it: with requests of one size at most as many run at
 * each depth as fit the node (as long as no pod ends before its children). By age alone all parents would be let in first.
 */
export class Placement {
  readonly #allocatable: ReadonlyMap<string, number>;
  readonly #pods = new Map<string, PlacedPod>();
  readonly #running = new Set<string>();
  readonly #waiting = new Map<string, PlacedPod>();
  readonly #children = new Map<string, number>();

  /** In thousandths. What is not in it there is none of. */
  constructor(allocatable: ReadonlyMap<string, number>) {
    this.#allocatable = allocatable;
  }

  /** A pod that waits for room; a second call changes nothing. */
  wait(pod: PlacedPod): void {
    if (this.#pods.has(pod.uid)) return;
    this.#pods.set(pod.uid, pod);
    if (this.#lacking(pod, this.#allocatable).length === 0) this.#waiting.set(pod.uid, pod);
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

  /** The next pod that has room: of those with most running ancestors the oldest. From now on it runs. */
  take(): PlacedPod | undefined {
    const next = this.#next();
    if (next === undefined || this.#lacking(next, this.free()).length > 0) return undefined;
    this.#waiting.delete(next.uid);
    this.#running.add(next.uid);
    return next;
  }

  #next(): PlacedPod | undefined {
    if (this.#waiting.size === 0) return undefined;
    const depthBelow = this.#depths();
    let first: PlacedPod | undefined;
    let firstDepth = 0;
    for (const pod of this.#waiting.values()) {
      const depth = depthBelow(pod.parent);
      if (first !== undefined && (depth < firstDepth || (depth === firstDepth && pod.order >= first.order))) continue;
      first = pod;
      firstDepth = depth;
    }
    return first;
  }

  /** Why this pod does not run yet; undefined when it does, or is not known. */
  shortage(uid: string): Shortage | undefined {
    const pod = this.#pods.get(uid);
    if (pod === undefined || this.#running.has(uid)) return undefined;
    const never = this.#lacking(pod, this.#allocatable);
    return never.length > 0
      ? { lacking: never, never: true }
      : { lacking: this.#lacking(pod, this.free()), never: false };
  }

  /** What is left; below zero when parents are charged again. */
  free(): ReadonlyMap<string, number> {
    const free = new Map(this.#allocatable);
    for (const uid of this.#running) {
      const pod = this.#pods.get(uid);
      if (pod === undefined || (pod.self !== undefined && this.#children.has(pod.self))) continue;
      for (const [name, amount] of pod.requests) free.set(name, (free.get(name) ?? 0) - amount);
    }
    return free;
  }

  #lacking(pod: PlacedPod, free: ReadonlyMap<string, number>): readonly string[] {
    return [...pod.requests]
      .filter(([name, amount]) => amount > 0 && amount > (free.get(name) ?? 0))
      .map(([name]) => name);
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
