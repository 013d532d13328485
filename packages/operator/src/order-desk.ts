/**
 * Carries orders out: those of one run one after the other (an abort must find what its start has made), runs beside each other. One that fails for
 * now is tried again with backoff and holds up nothing but its own run. Results come out in batches, to be acknowledged.
 */
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
import type { Refusal } from "./orders.ts";

export type Result = Pick<OrderResult, "sequence" | "errorCode" | "errorMessage">;

export interface OrderDeskOptions {
  readonly carryOut: (order: Order) => Promise<Refusal | undefined>;
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

export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #lanes = new Map<string, Order[]>();
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
      lane.push(order);
      return;
    }
    const orders = [order];
    this.#lanes.set(run, orders);
    void this.#work(run, orders);
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

  async #work(run: string, orders: Order[]): Promise<void> {
    for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
      const result = await this.#untilDone(order);
      if (result === undefined) return;
      this.#results.push(result);
      this.#changed();
    }
    this.#lanes.delete(run);
  }

  /** `undefined` = the signal has aborted. */
  async #untilDone(order: Order): Promise<Result | undefined> {
    const { clock, random, log, signal } = this.#options;
    const about = { kind: order.order.case, sequence: String(order.sequence) };
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const refusal = await this.#slot(() => this.#options.carryOut(order));
        log.info({ event: "order.done", ...about, ...refusal });
        return { sequence: order.sequence, errorCode: refusal?.code ?? "", errorMessage: refusal?.message ?? "" };
      } catch (error) {
        if (signal.aborted) return undefined;
        const delay = backoffMs(retry, failures, random);
        log.warn({ event: "order.retry", ...about, failures: failures + 1, delay, error: messageOf(error) });
        await pause(clock, delay, signal);
      }
    }
    return undefined;
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

function runOf({ order, sequence }: Order): string {
  const id = order.case === "start" ? order.value.spec?.actionId : order.value?.actionId;
  const { project, domain, name } = id?.run ?? {};
  return name === undefined ? `order ${sequence}` : `${project}/${domain}/${name}`;
}
