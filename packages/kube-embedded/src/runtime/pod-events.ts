import { type Event, events, isNotFound, type KubeClient } from "@homeplane/kube";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import type { PodEvent } from "./pod-event.ts";
import { statusTime } from "./pod-status.ts";
import type { PodView } from "./pod-view.ts";

/** Told again, a thing counts up the event that is there already; as many are known for that. */
const MAX_KNOWN = 1_000;
/** More at once are dropped: events are for people, and never hold up a pod. */
const MAX_WRITES = 200;
const MAX_MESSAGE = 1_024;

/** Events of pods as scheduler and kubelet write them, for `kubectl describe`. The API server removes them after an hour. */
export class PodEvents {
  readonly #options: {
    readonly client: KubeClient;
    readonly nodeName: string;
    readonly clock: Clock;
    readonly log: Logger;
  };
  readonly #known = new Map<string, { readonly name: string; count: number }>();
  readonly #writes = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #serial = 0;

  constructor(options: { client: KubeClient; nodeName: string; clock: Clock; log: Logger }) {
    this.#options = options;
  }

  record(pod: PodView, event: PodEvent): void {
    if (this.#writes.size >= MAX_WRITES) return;
    const write = this.#write(pod, event).catch((error: unknown) => {
      const fields = { event: "pod_event_not_written", pod: pod.key, reason: event.reason, error: messageOf(error) };
      this.#options.log.debug(fields, "an event of a pod was not written");
    });
    this.#writes.add(write);
    void write.finally(() => this.#writes.delete(write));
  }

  /** Waits for what is being written, `ms` at most. */
  async close(ms: number): Promise<void> {
    const cancel = this.#options.clock.after(ms, () => this.#stop.abort(new Error("the runtime has stopped")));
    await Promise.all(this.#writes);
    cancel();
  }

  async #write(pod: PodView, event: PodEvent): Promise<void> {
    const { client, clock } = this.#options;
    const { signal } = this.#stop;
    const id = [pod.uid, event.reason, event.container, event.message].join("\n");
    const now = statusTime(clock.now());
    const known = this.#known.get(id);
    if (known !== undefined) {
      known.count++;
      const more = { count: known.count, lastTimestamp: now };
      try {
        return void (await client.patch(events, { namespace: pod.namespace, name: known.name }, more, { signal }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const made = this.#eventOf(pod, event, now);
    this.#remember(id, made.metadata.name);
    await client.create(events, made, { signal });
  }

  #eventOf(pod: PodView, { type, reason, message, component = "kubelet", container }: PodEvent, now: string): Event {
    const { nodeName, clock } = this.#options;
    const name = `${pod.name.slice(0, 200)}.${clock.now().toString(16)}${(this.#serial++).toString(16)}`;
    const fieldPath = container === undefined ? {} : { fieldPath: `spec.containers{${container}}` };
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: pod.namespace },
      involvedObject: {
        apiVersion: "v1",
        kind: "Pod",
        namespace: pod.namespace,
        name: pod.name,
        uid: pod.uid,
        ...fieldPath,
      },
      type,
      reason,
      message: message.slice(0, MAX_MESSAGE),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(component === "kubelet" ? { host: nodeName } : {}) },
      reportingComponent: component,
      reportingInstance: component === "kubelet" ? nodeName : "",
    };
  }

  #remember(id: string, name: string): void {
    this.#known.set(id, { name, count: 1 });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
