/**
 * Traces: steps within a task that are recorded, not run. Each is one object beside its parent's data, written before Enqueue is acknowledged;
 * a retried parent gets them back. They are reported outward in the background; what a crash kept from being reported is reported again when the
 * parent's next pod watches.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { type Action, ActionSchema } from "@homeplane/idl/flyteidl2/actions/actions_service";
import type { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import type { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { ActionEventSchema, ActionStatusSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  type Backoff,
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  pause,
  type Random,
  type Service,
} from "@homeplane/runtime-kit";
import { errorInfoOf, type RecordedTrace, withError } from "./trace-error.ts";

/** Traces of one parent that one watch replays. */
const maxReplayed = 50_000;
/** Reports that wait for the control plane; past it the oldest is dropped from memory, not from the bucket. */
const maxUnreported = 100_000;
const retry: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };

export interface TraceOptions {
  readonly objects: Client<typeof ObjectStoreService>;
  readonly events: Client<typeof EventsProxyService>;
  readonly runs: Client<typeof InternalRunService>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Traces implements Service {
  readonly name = "task-gateway.traces";
  readonly #options: TraceOptions;
  readonly #unreported = new Map<string, RecordedTrace>();
  readonly #listeners = new Map<string, Set<(trace: RecordedTrace) => void>>();
  #wake: (() => void) | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  /** Resolves when the trace is stored. `base` is the run's output base. */
  async record(base: string, action: Action): Promise<void> {
    const key = folder(base, action.parentActionName ?? "");
    const trace = await withError(this.#options.objects, base, action);
    const content = toBinary(ActionSchema, action);
    await this.#options.objects.putObject({ nativeUrl: `${key}/${action.actionId?.name}.pb`, content });
    for (const listener of this.#listeners.get(key) ?? []) listener(trace);
    this.#report(trace);
  }

  /** All stored ones. */
  async *of(base: string, parent: string): AsyncGenerator<RecordedTrace> {
    let token = "";
    let count = 0;
    do {
      const page = await this.#options.objects.listObjects({ nativeUrlPrefix: folder(base, parent), token });
      for (const nativeUrl of page.nativeUrls) {
        if (++count > maxReplayed)
          throw new ConnectError(`action ${parent} has more than ${maxReplayed} traces`, Code.ResourceExhausted);
        const { content } = await this.#options.objects.getObject({ nativeUrl });
        const trace = await withError(this.#options.objects, base, fromBinary(ActionSchema, content));
        this.#report(trace);
        yield trace;
      }
      token = page.token;
    } while (token !== "");
  }

  listen(base: string, parent: string, listener: (trace: RecordedTrace) => void): () => void {
    const key = folder(base, parent);
    const set = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(key);
    };
  }

  #report(trace: RecordedTrace): void {
    const { run, name } = trace.action.actionId ?? {};
    this.#unreported.set(`${run?.project}/${run?.domain}/${run?.name}/${name}`, trace);
    if (this.#unreported.size > maxUnreported) {
      const [oldest = ""] = this.#unreported.keys();
      this.#unreported.delete(oldest);
      this.#options.log.error({ event: "trace.unreported", trace: oldest });
    }
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake?.());
    for (let failures = 0; !signal.aborted; ) {
      const [next] = this.#unreported;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      try {
        await this.#send(next[1], signal);
        failures = 0;
        if (this.#unreported.get(next[0]) === next[1]) this.#unreported.delete(next[0]);
      } catch (error) {
        if (error instanceof ConnectError && (error.code === Code.InvalidArgument || error.code === Code.NotFound)) {
          this.#options.log.error({ event: "trace.refused", trace: next[0], error: messageOf(error) });
          this.#unreported.delete(next[0]);
          continue;
        }
        // Another one goes first then: one that can not be told must not hold up all others.
        const latest = this.#unreported.get(next[0]);
        this.#unreported.delete(next[0]);
        if (latest !== undefined) this.#unreported.set(next[0], latest);
        await pause(this.#options.clock, backoffMs(retry, failures++, this.#options.random), signal);
      }
    }
  }

  async #send({ action, error }: RecordedTrace, signal: AbortSignal): Promise<void> {
    const { actionId, parentActionName, group, inputUri, spec } = action;
    if (spec.case !== "trace" || actionId === undefined) return;
    const { phase, startTime, endTime, outputs } = spec.value;
    const call = { signal, timeoutMs: 30_000 };
    await this.#options.runs.recordAction({ actionId, parent: parentActionName ?? "", group, inputUri, spec }, call);
    const times = { ...(startTime ? { startTime } : {}), ...(endTime ? { endTime, updatedTime: endTime } : {}) };
    const event = create(ActionEventSchema, {
      id: actionId,
      attempt: 1,
      phase,
      ...times,
      ...(outputs ? { outputs } : {}),
      ...(error ? { errorInfo: errorInfoOf(error) } : {}),
    });
    await this.#options.events.record({ events: [event] }, call);
    const status = create(ActionStatusSchema, { phase, attempts: 1, ...(endTime ? { endTime } : {}) });
    await this.#options.runs.updateActionStatus({ actionId, status }, call);
  }
}

function folder(base: string, parent: string): string {
  return `${base}/${parent}/traces`;
}
