/** Drives the status of pods as a scheduler and a kubelet would, by a plan per pod; and lets go of logs, as the log provider does. */
import { labels } from "@homeplane/idl";
import { isNotFound, type KubeClient, type Pod, pods, type PodStatus } from "@homeplane/kube";
import type { Clock } from "@homeplane/runtime-kit";

export type Plan =
  | {
      readonly kind: "exit";
      readonly code: number;
      readonly reason?: string;
      readonly startAfterMs?: number;
      readonly runMs?: number;
      readonly podReason?: string;
      /** As kubelets do now and then: that the containers have ended is told first, that the pod has with the next look. */
      readonly podLater?: boolean;
    }
  /** Runs until it is deleted, and then for `slowMs` more; `lost` = nobody ever tells of its end. */
  | { readonly kind: "run"; readonly slowMs?: number; readonly lost?: boolean }
  /** Never leaves this state of waiting. */
  | { readonly kind: "stuck"; readonly reason: string; readonly message: string }
  | { readonly kind: "unscheduled"; readonly message: string };

/** Where a pod stands: its action, attempt, and how many pods the action had before it. */
export interface PodTurn {
  readonly action: string;
  readonly attempt: number;
  readonly turn: number;
}

export interface FakeKubeletOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** How long something takes is no matter of the wall clock. */
  readonly monotonic: () => number;
  readonly plan: (turn: PodTurn) => Plan;
  /** Just before the pod ends: writes the files that its task would. */
  readonly onExit: (pod: Pod, plan: Extract<Plan, { kind: "exit" }>) => void;
}

export class FakeKubelet {
  readonly #options: FakeKubeletOptions;
  readonly #turns = new Map<string, PodTurn>();
  readonly #dyingSince = new Map<string, number>();
  readonly #bornAt = new Map<string, number>();

  constructor(options: FakeKubeletOptions) {
    this.#options = options;
  }

  get podsOf(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { action } of this.#turns.values()) counts.set(action, (counts.get(action) ?? 0) + 1);
    return counts;
  }

  /** Nobody looks after the pods. */
  isAway = false;

  /** One look at all pods. */
  async sync(): Promise<void> {
    if (this.isAway) return;
    const { items } = await this.#options.client.list(pods);
    for (const pod of items.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name)))
      await this.#syncPod(pod);
  }

  async #syncPod(pod: Pod): Promise<void> {
    const turn = this.turnOf(pod);
    if (pod.metadata.deletionTimestamp !== undefined) return this.#end(pod, this.#options.plan(turn));
    const phase = pod.status?.phase;
    if (phase === "Succeeded" || phase === "Failed") return;
    const plan = this.#options.plan(turn);
    const age = this.#options.monotonic() - (this.#bornAt.get(pod.metadata.uid ?? "") ?? 0);
    if (plan.kind === "unscheduled")
      return this.#write(pod, { phase: "Pending", conditions: [scheduled("False", plan.message, this.#now())] });
    if (!pod.spec.nodeName) await this.#options.client.bind({ ...nameOf(pod), uid: pod.metadata.uid ?? "" }, "node");
    if (plan.kind === "stuck") return this.#write(pod, waiting(pod, plan.reason, plan.message, this.#now()));
    const startAfter = plan.kind === "exit" ? (plan.startAfterMs ?? 0) : 0;
    if (age < startAfter) return this.#write(pod, waiting(pod, "ContainerCreating", "", this.#now()));
    if (phase !== "Running") await this.#write(pod, running(pod, this.#now()));
    if (plan.kind === "run" || age < startAfter + (plan.runMs ?? 0)) return;
    const again = pod.status?.containerStatuses?.[0]?.state?.terminated !== undefined;
    if (!again) this.#options.onExit(pod, plan);
    const status = exited(pod, plan.code, plan.reason, plan.podReason, this.#now());
    await this.#write(pod, plan.podLater && !again ? { ...status, phase: "Running" } : status);
  }

  /** SIGTERM ends a task at once, without a file; then the log is safe and the pod goes. */
  async #end(pod: Pod, plan: Plan): Promise<void> {
    if (plan.kind === "run" && pod.spec.nodeName) {
      const { uid = "" } = pod.metadata;
      const now = this.#options.monotonic();
      const since = this.#dyingSince.get(uid) ?? now;
      this.#dyingSince.set(uid, since);
      if (plan.lost || now < since + (plan.slowMs ?? 0)) return;
    }
    if (pod.status?.phase === "Running") await this.#write(pod, exited(pod, 143, "Error", undefined, this.#now()));
    const name = nameOf(pod);
    await this.#options.client.patch(pods, name, { metadata: { finalizers: [] } }).catch(ignoreNotFound);
    await this.#options.client.delete(pods, name, { gracePeriodSeconds: 0 }).catch(ignoreNotFound);
  }

  turnOf(pod: Pod): PodTurn {
    const uid = pod.metadata.uid ?? "";
    const known = this.#turns.get(uid);
    if (known !== undefined) return known;
    const action = pod.metadata.labels?.[labels.action] ?? "";
    const turn = { action, attempt: Number(pod.metadata.labels?.[labels.attempt]), turn: this.podsOf.get(action) ?? 0 };
    this.#turns.set(uid, turn);
    this.#bornAt.set(uid, this.#options.monotonic());
    return turn;
  }

  async #write(pod: Pod, status: PodStatus): Promise<void> {
    await this.#options.client.patch(pods, nameOf(pod), { status }, { subresource: "status" }).catch(ignoreNotFound);
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

function nameOf({ metadata }: Pod): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function scheduled(status: "True" | "False", message: string, at: string) {
  return {
    type: "PodScheduled",
    status,
    message,
    reason: status === "True" ? "" : "Unschedulable",
    lastTransitionTime: at,
  };
}

function container(pod: Pod, state: object) {
  const [primary] = pod.spec.containers;
  return [
    { name: primary?.name ?? "", state, ready: false, restartCount: 0, image: primary?.image ?? "", imageID: "" },
  ];
}

function waiting(pod: Pod, reason: string, message: string, at: string): PodStatus {
  const since =
    pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "True")
      ?.lastTransitionTime ?? at;
  return {
    phase: "Pending",
    conditions: [scheduled("True", "", since)],
    containerStatuses: container(pod, { waiting: { reason, message } }),
  };
}

function running(pod: Pod, at: string): PodStatus {
  return {
    phase: "Running",
    conditions: [scheduled("True", "", at)],
    containerStatuses: container(pod, { running: { startedAt: at } }),
  };
}

function exited(
  pod: Pod,
  exitCode: number,
  reason: string | undefined,
  podReason: string | undefined,
  at: string,
): PodStatus {
  const startedAt = pod.status?.containerStatuses?.[0]?.state?.running?.startedAt ?? at;
  const terminated = {
    exitCode,
    reason: reason ?? (exitCode === 0 ? "Completed" : "Error"),
    startedAt,
    finishedAt: at,
  };
  return {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    ...(podReason === undefined ? {} : { reason: podReason, message: "by the test" }),
    containerStatuses: container(pod, { terminated }),
  };
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
