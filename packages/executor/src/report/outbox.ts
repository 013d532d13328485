/**
 * Reports what became of actions over the orchestration channel: at least once, in order within an action, in batches under load. What was
 * acknowledged is remembered per action until the action is forgotten; nothing else is: after a crash all live actions report anew and the
 * receiver drops what it has. With the control plane away the outbox holds one report per live action, the latest.
 */
import { equals } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { type ActionIdentifier, ActionIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import type { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import type { InternalRunService, RecordActionRequest } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
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
import type { ActionReport } from "./action-report.ts";
import { batches, type Item } from "./batches.ts";
import { isAway, isPoison } from "./refusals.ts";
import { SentState } from "./sent-state.ts";

const maxActionsPerRound = 100;
const retryBackoff: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
const callTimeoutMs = 30_000;

export interface OutboxOptions {
  readonly events: Client<typeof EventsProxyService>;
  readonly runs: Client<typeof InternalRunService>;
  /** The spec of a child, read when it has to be sent; `undefined` = the TaskAction is gone. */
  readonly loadSpec: (report: ActionReport, signal: AbortSignal) => Promise<RecordActionRequest | undefined>;
  /** The end of this action is acknowledged. */
  readonly onAcknowledged: (key: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Outbox implements Service {
  readonly name = "outbox";
  readonly #options: OutboxOptions;
  readonly #pending = new Map<string, ActionReport>();
  readonly #sent = new Map<string, SentState>();
  /** Their resource is gone: forgotten once they are told. */
  readonly #last = new Set<string>();
  #wake: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  submit(report: ActionReport): void {
    if (!this.#stateOf(report.uid).hasNews(report)) return;
    this.#pending.set(report.uid, report);
    this.#wake?.();
  }

  /** As submit, of an action that will say no more. */
  submitLast(report: ActionReport): void {
    if (!this.#stateOf(report.uid).hasNews(report)) return this.forget(report.uid);
    this.#last.add(report.uid);
    this.submit(report);
  }

  /** True when the control plane knows how the action ended. */
  isAcknowledged(uid: string): boolean {
    return this.#sent.get(uid)?.endAcknowledged ?? false;
  }

  /** Something of this action is still to be told, under whatever uid. */
  isPending(id: ActionIdentifier): boolean {
    return [...this.#pending.values()].some((report) => equals(ActionIdentifierSchema, report.id, id));
  }

  forget(uid: string): void {
    this.#pending.delete(uid);
    this.#sent.delete(uid);
    this.#last.delete(uid);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      if (this.#pending.size === 0) await this.#news(signal);
      if (signal.aborted) return;
      const round = [...this.#pending.values()].slice(0, maxActionsPerRound);
      try {
        await this.#deliver(round, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // Those that could not be told come after all others: a few of them must not fill every round.
        const left = round.filter((report) => this.#pending.get(report.uid) === report);
        for (const report of left) this.#pending.delete(report.uid);
        for (const report of left) this.#pending.set(report.uid, report);
        if (left.length < round.length) failures = 0;
        const delay = backoffMs(retryBackoff, failures++, this.#options.random);
        this.#options.log.warn({
          event: "outbox.retry",
          actions: this.#pending.size,
          failures,
          error: messageOf(error),
          delay,
        });
        await pause(this.#options.clock, delay, signal);
      }
    }
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined;
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done);
    });
  }

  #stateOf(uid: string): SentState {
    const state = this.#sent.get(uid) ?? new SentState();
    this.#sent.set(uid, state);
    return state;
  }

  async #deliver(round: readonly ActionReport[], signal: AbortSignal): Promise<void> {
    // Every action is tried, then the first failure is thrown: one that can not be told never holds up the others.
    const specs = await Promise.allSettled(round.map((report) => this.#sendSpec(report, signal)));
    const known = round.filter((_, index) => specs[index]?.status === "fulfilled");
    const failed = new Map<ActionReport, unknown>();
    for (const batch of batches(
      known.map((report) => ({ report, events: this.#stateOf(report.uid).unsent(report) })),
    )) {
      await this.#sendEvents(batch, failed, signal);
    }
    const told = known.filter((report) => !failed.has(report));
    const ends = await Promise.allSettled(told.map((report) => this.#sendEnd(report, signal)));
    for (const result of [...specs, ...ends]) if (result.status === "rejected") throw result.reason;
    for (const error of failed.values()) throw error;
  }

  async #sendSpec(report: ActionReport, signal: AbortSignal): Promise<void> {
    const state = this.#stateOf(report.uid);
    if (report.isRoot || state.specSent) return;
    const request = await this.#options.loadSpec(report, signal);
    if (request !== undefined) {
      await this.#options.runs
        .recordAction(request, { signal, timeoutMs: callTimeoutMs })
        .catch((error: unknown) => this.#refused(report, error));
    }
    state.specSent = true;
  }

  async #sendEvents(batch: readonly Item[], failed: Map<ActionReport, unknown>, signal: AbortSignal): Promise<void> {
    const events = batch.flatMap((item) => item.events);
    if (events.length === 0) return;
    try {
      await this.#options.events.record({ events }, { signal, timeoutMs: callTimeoutMs });
      for (const item of batch) this.#stateOf(item.report.uid).markSent(item.events);
    } catch (error) {
      if (isAway(error)) throw error;
      // One event that the receiver refuses, or fails on, must not take the others with it.
      const [first, ...others] = batch;
      if (others.length > 0) for (const item of batch) await this.#sendEvents([item], failed, signal);
      else if (first !== undefined && isPoison(error)) {
        this.#refused(first.report, error);
        this.#stateOf(first.report.uid).markSent(first.events);
      } else if (first !== undefined) failed.set(first.report, error);
    }
  }

  /** What the receiver will never take is said aloud and given up: trying for ever would keep the action for ever. */
  #refused(report: ActionReport, error: unknown): void {
    if (!isPoison(error)) throw error;
    this.#options.log.error({ event: "outbox.refused", action: report.key, error: messageOf(error) });
  }

  async #sendEnd(report: ActionReport, signal: AbortSignal): Promise<void> {
    const state = this.#stateOf(report.uid);
    if (report.end !== undefined && !state.endAcknowledged) {
      const { status, abortReason } = report.end;
      await this.#options.runs
        .updateActionStatus({ actionId: report.id, status, abortReason }, { signal, timeoutMs: callTimeoutMs })
        .catch((error: unknown) => this.#refused(report, error));
      state.endAcknowledged = true;
      this.#options.onAcknowledged(report.key);
    }
    // A newer report that came meanwhile stays.
    if (this.#pending.get(report.uid) !== report) return;
    this.#pending.delete(report.uid);
    if (this.#last.has(report.uid)) this.forget(report.uid);
  }
}
