/**
 * Tells traces outward, in the background. What is due is kept per parent, in memory while there is room; the parent's claim (a finalizer, set before
 * the first trace is acknowledged) and the stored traces are what it is made from again after a crash, or when memory ran short.
 */
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { type TaskAction, terminalPhase } from "@homeplane/idl";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import type { KubeClient } from "@homeplane/kube";
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
import type { Children } from "./children.ts";
import { claimTraces, isClaimed, releaseTraces } from "./trace-claim.ts";
import type { RecordedTrace } from "./trace-error.ts";
import { type ReportClients, sendTrace } from "./trace-report.ts";
import { storedTraces } from "./traces.ts";

const atOnce = 16;
const retry: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
/** Traces in memory, of all parents together. */
const defaultMaxKept = 100_000;

export interface TraceReportsOptions extends ReportClients {
  readonly client: KubeClient;
  readonly objects: Client<typeof ObjectStoreService>;
  readonly children: Children;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly maxKept?: number;
}

interface Backlog {
  parent: TaskAction;
  readonly traces: Map<string, RecordedTrace>;
  /** What is due is not in memory: the stored traces are read anew, all of them. */
  unread: boolean;
}

export class TraceReports implements Service {
  readonly name = "task-gateway.trace-reports";
  readonly #options: TraceReportsOptions;
  /** By the parent's uid: all that are claimed. */
  readonly #backlogs = new Map<string, Backlog>();
  /** Those with something to do, in turn. */
  readonly #due = new Set<string>();
  readonly #claims = new Map<string, Promise<void>>();
  #kept = 0;
  #wake: () => void = () => undefined;

  constructor(options: TraceReportsOptions) {
    this.#options = options;
    options.children.informer.onChange(({ type, object }) => this.#see(type === "deleted", object));
  }

  async claim(parent: TaskAction): Promise<void> {
    const { uid = "" } = parent.metadata;
    if (this.#backlogs.has(uid)) return;
    // Many traces of one parent come at once; one of them claims for all.
    const claiming = this.#claims.get(uid) ?? claimTraces(this.#options.client, parent);
    this.#claims.set(uid, claiming);
    try {
      await claiming;
      if (!this.#backlogs.has(uid)) this.#backlogs.set(uid, { parent, traces: new Map(), unread: false });
    } finally {
      this.#claims.delete(uid);
    }
  }

  add(parent: TaskAction, trace: RecordedTrace): void {
    const { uid = "" } = parent.metadata;
    const backlog = this.#backlogs.get(uid);
    if (backlog === undefined || backlog.unread) return;
    this.#keep(backlog, trace);
    if (this.#kept > (this.#options.maxKept ?? defaultMaxKept)) this.#unload(backlog);
    this.#turn(uid);
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener("abort", onAbort);
    for (let failures = 0; !signal.aborted; ) {
      const [uid] = this.#due;
      const backlog = uid === undefined ? undefined : this.#backlogs.get(uid);
      if (uid === undefined || backlog === undefined) {
        if (uid !== undefined) this.#due.delete(uid);
        else await this.#news();
        continue;
      }
      // To the end of the line: what can not be told now must not hold up the others.
      this.#due.delete(uid);
      try {
        if (await this.#work(uid, backlog, signal)) this.#due.add(uid);
        failures = 0;
      } catch (error) {
        this.#due.add(uid);
        const delay = backoffMs(retry, failures++, this.#options.random);
        this.#options.log.warn({ event: "trace.retry", parents: this.#due.size, delay, error: messageOf(error) });
        await pause(this.#options.clock, delay, signal);
      }
    }
    signal.removeEventListener("abort", onAbort);
  }

  /** True when there is more to do for this parent. */
  async #work(uid: string, backlog: Backlog, signal: AbortSignal): Promise<boolean> {
    if (backlog.unread) {
      const stored: RecordedTrace[] = [];
      for await (const trace of storedTraces(this.#options.objects, backlog.parent)) stored.push(trace);
      backlog.unread = false;
      for (const trace of stored) this.#keep(backlog, trace);
    }
    const round = [...backlog.traces].slice(0, atOnce);
    const results = await Promise.allSettled(round.map(([name, trace]) => this.#tell(backlog, name, trace, signal)));
    for (const [index, result] of results.entries()) {
      const [name = "", trace] = round[index] ?? [];
      if (result.status === "fulfilled" || trace === undefined || backlog.traces.get(name) !== trace) continue;
      backlog.traces.delete(name);
      backlog.traces.set(name, trace);
    }
    for (const result of results) if (result.status === "rejected") throw result.reason;
    if (backlog.traces.size > 0) return true;
    if (terminalPhase(backlog.parent) === undefined) return false;
    await releaseTraces(this.#options.client, backlog.parent);
    this.#backlogs.delete(uid);
    return false;
  }

  async #tell(backlog: Backlog, name: string, trace: RecordedTrace, signal: AbortSignal): Promise<void> {
    try {
      await sendTrace(this.#options, trace, signal);
    } catch (error) {
      const poison =
        error instanceof ConnectError && (error.code === Code.InvalidArgument || error.code === Code.NotFound);
      if (!poison) throw error;
      this.#options.log.error({ event: "trace.refused", trace: name, error: messageOf(error) });
    }
    if (backlog.traces.get(name) !== trace) return;
    backlog.traces.delete(name);
    this.#kept--;
  }

  #see(deleted: boolean, object: TaskAction): void {
    const { uid = "" } = object.metadata;
    const backlog = this.#backlogs.get(uid);
    if (deleted) {
      if (backlog !== undefined) this.#unload(backlog);
      this.#backlogs.delete(uid);
    } else if (backlog !== undefined) {
      backlog.parent = object;
      if (terminalPhase(object) !== undefined) this.#turn(uid);
    } else if (isClaimed(object) && !this.#claims.has(uid)) {
      // Claimed by the process before this one.
      this.#backlogs.set(uid, { parent: object, traces: new Map(), unread: true });
      this.#turn(uid);
    }
  }

  #keep(backlog: Backlog, trace: RecordedTrace): void {
    const name = trace.action.actionId?.name ?? "";
    if (!backlog.traces.has(name)) this.#kept++;
    backlog.traces.set(name, trace);
  }

  #unload(backlog: Backlog): void {
    this.#kept -= backlog.traces.size;
    backlog.traces.clear();
    backlog.unread = true;
  }

  #turn(uid: string): void {
    this.#due.add(uid);
    this.#wake();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
