/**
 * Carries orders out: those of one run one after the other (an abort must find what its start has made), runs beside each other. One that fails for
 * now is tried again with backoff and holds up nothing but its own run; when it fails for a reason that its giver should hear, he is told, and in the end it
 * is given up with that reason. Results come out in batches, to be acknowledged.
 */
import { abortedOrder } from "@homeplane/idl";
import type { Order, OrderResult } from "@homeplane/idl/homeplane/v1/orchestration";
import {
  type Backoff,
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  pause,
  type Random,
} from "@homeplane/runtime-kit";
import { NotYetError } from "./not-yet.ts";
import type { Refusal } from "./orders.ts";
import { rootOf, runOf } from "./order-names.ts";

export type Result = Pick<OrderResult, "sequence" | "errorCode" | "errorMessage">;

export interface OrderDeskOptions {
  readonly carryOut: (order: Order) => Promise<Refusal | undefined>;
  /** Why an order is not carried out yet; again when that changes. */
  readonly tell: (order: Order, why: Refusal) => void;
  /** Since when orders wait, by sequence; outlives the desk, as the waiting does. */
  readonly waitingSince: Map<bigint, number>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Ends everything; what is not carried out then is offered again in the next session. */
  readonly signal: AbortSignal;
}

/** Orders that are in work at once; one that waits for its next try is not. */
const concurrency = 16;
/** Orders that are taken and not acknowledged yet; past it the stream is not read on. */
const maxTaken = 10_000;
const maxResults = 500;
const retry: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
/** Shorter waits are nobody's business: rights that were just given take a moment. */
const worthTellingMs = 2_000;
/** Nobody waits for ever for what somebody else has to mend. */
const patienceMs = 60 * 60_000;

interface Lane {
  readonly orders: Order[];
  /** Ends the pause of the order that waits. */
  wake: () => void;
}

export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiting: (() => void)[] = [];
  #results: Result[] = [];
  #taken = 0;
  #working = 0;
  #wake: (() => void)[] = [];

  constructor(options: OrderDeskOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#changed(), { once: true });
  }

  /** Resolves when the order is taken, which is at once while there is room. */
  async take(order: Order): Promise<void> {
    while (this.#taken >= maxTaken && !this.#options.signal.aborted) await this.#change();
    this.#taken++;
    const run = runOf(order);
    const lane = this.#lanes.get(run);
    if (lane !== undefined) {
      lane.orders.push(order);
      lane.wake();
      return;
    }
    const opened: Lane = { orders: [order], wake: () => undefined };
    this.#lanes.set(run, opened);
    void this.#work(run, opened);
  }

  /** At least one result; none only when the signal has aborted. */
  async results(): Promise<readonly Result[]> {
    while (this.#results.length === 0 && !this.#options.signal.aborted) await this.#change();
    const batch = this.#results.slice(0, maxResults);
    this.#results = this.#results.slice(maxResults);
    this.#taken -= batch.length;
    this.#changed();
    return batch;
  }

  async #work(run: string, lane: Lane): Promise<void> {
    for (let order = lane.orders.shift(); order !== undefined; order = lane.orders.shift()) {
      const result = await this.#untilDone(order, lane);
      if (result === undefined) return;
      this.#options.waitingSince.delete(order.sequence);
      this.#results.push(result);
      this.#changed();
    }
    this.#lanes.delete(run);
  }

  /** `undefined` = the signal has aborted. */
  async #untilDone(order: Order, lane: Lane): Promise<Result | undefined> {
    const { clock, random, log, signal } = this.#options;
    const about = { kind: order.order.case, sequence: String(order.sequence) };
    const result = (refusal?: Refusal): Result => {
      log.info({ event: "order.done", ...about, ...refusal });
      return { sequence: order.sequence, errorCode: refusal?.code ?? "", errorMessage: refusal?.message ?? "" };
    };
    let told = "";
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return result(await this.#slot(() => this.#options.carryOut(order)));
      } catch (error) {
        if (signal.aborted) return undefined;
        const delay = backoffMs(retry, failures, random);
        log.warn({ event: "order.retry", ...about, failures: failures + 1, delay, error: messageOf(error) });
        if (error instanceof NotYetError) {
          const end = this.#mayWait(order, lane, error);
          if (end !== undefined) return result(end);
          const waited = clock.now() - (this.#options.waitingSince.get(order.sequence) ?? clock.now());
          if (waited >= worthTellingMs && told !== error.message) {
            told = error.message;
            this.#options.tell(order, error);
          }
        }
        await this.#pause(lane, delay);
      }
    }
    return undefined;
  }

  /** A refusal when it has waited enough, or nobody wants it any more. */
  #mayWait(order: Order, lane: Lane, { code, message }: NotYetError): Refusal | undefined {
    const { clock, waitingSince } = this.#options;
    const since = waitingSince.get(order.sequence) ?? clock.now();
    waitingSince.set(order.sequence, since);
    const root = order.order.case === "start" ? rootOf(order) : undefined;
    for (const { order: later } of lane.orders) {
      if (root !== undefined && later.case === "abort" && later.value.actionId?.name === root)
        return { code: abortedOrder, message: later.value.reason };
    }
    if (clock.now() - since < patienceMs) return undefined;
    return { code, message: `given up after ${patienceMs / 60_000} minutes: ${message}` };
  }

  /** Also until another order of the run comes: it may be one to stop. */
  async #pause(lane: Lane, delay: number): Promise<void> {
    const { clock, signal } = this.#options;
    const early = new AbortController();
    lane.wake = () => early.abort();
    await pause(clock, delay, AbortSignal.any([signal, early.signal]));
    lane.wake = () => undefined;
  }

  async #slot<T>(work: () => Promise<T>): Promise<T> {
    while (this.#working >= concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#working++;
    try {
      return await work();
    } finally {
      this.#working--;
      this.#waiting.shift()?.();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
