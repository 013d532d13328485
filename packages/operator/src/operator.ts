/**
 * Takes actions in from the control plane: registers the cluster, heartbeats, follows the orders and writes them into Kubernetes. An order is
 * acknowledged only when it is stored; it may come again, so storing is idempotent by name.
 */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { type Order, OrchestrationService, type OrderResult } from "@homeplane/idl/homeplane/v1/orchestration";
import type { KubeClient } from "@homeplane/kube";
import { type Backoff, backoffMs, type Clock, type Logger, messageOf, type Random, runServices, type Service, sleep } from "@homeplane/runtime-kit";
import { carryOut } from "./orders.ts";

export interface OperatorOptions {
  readonly client: KubeClient;
  /** The orchestration channel. */
  readonly orchestration: Transport;
  readonly cluster: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const reconnect: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
const heartbeatMs = 10_000;
const callTimeoutMs = 30_000;
/** Orders of different actions are carried out beside each other; a batch is acknowledged as one. */
const concurrency = 16;

export function createOperator(options: OperatorOptions): Service {
  const channel = createClient(OrchestrationService, options.orchestration);
  return {
    name: "operator",
    run: (signal) =>
      runServices(
        [
          { name: "operator.orders", run: (stop) => forever(options, "orders", stop, () => followOrders(options, channel, stop)) },
          { name: "operator.heartbeat", run: (stop) => forever(options, "heartbeat", stop, () => beat(options, channel, stop)) },
        ],
        signal,
      ),
  };
}

/** Runs `session` again and again, with backoff while it fails at once. */
async function forever(options: OperatorOptions, what: string, signal: AbortSignal, session: () => Promise<void>): Promise<void> {
  const { clock, random, log } = options;
  for (let failures = 0; !signal.aborted; ) {
    const begun = clock.now();
    try {
      await session();
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ event: `operator.${what}.lost`, error: messageOf(error) });
    }
    failures = clock.now() - begun > reconnect.maxMs ? 0 : failures + 1;
    await sleep(clock, backoffMs(reconnect, failures, random), signal).catch(() => undefined);
  }
}

async function followOrders(options: OperatorOptions, channel: Client<typeof OrchestrationService>, signal: AbortSignal): Promise<void> {
  const { cluster, version } = options;
  await channel.registerCluster({ cluster, version }, { signal, timeoutMs: callTimeoutMs });
  for await (const { orders } of channel.watchOrders({ cluster }, { signal })) {
    for (let start = 0; start < orders.length; start += concurrency) {
      const batch = orders.slice(start, start + concurrency);
      const settled = await Promise.allSettled(batch.map((order) => carryOutOne(options, order, signal)));
      // One that fails for now does not hold up the others: it is not acknowledged, so the next session offers it again.
      const results = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      await channel.acknowledgeOrders({ cluster, results }, { signal, timeoutMs: callTimeoutMs });
      for (const result of settled) if (result.status === "rejected") throw result.reason;
    }
  }
}

async function carryOutOne(options: OperatorOptions, order: Order, signal: AbortSignal): Promise<Pick<OrderResult, "sequence" | "errorCode" | "errorMessage">> {
  const refusal = await carryOut(options.client, order, signal);
  options.log.info({ event: "order.done", kind: order.order.case, sequence: String(order.sequence), ...refusal });
  return { sequence: order.sequence, errorCode: refusal?.code ?? "", errorMessage: refusal?.message ?? "" };
}

async function beat({ cluster, clock }: OperatorOptions, channel: Client<typeof OrchestrationService>, signal: AbortSignal): Promise<void> {
  for (;;) {
    await channel.heartbeat({ cluster }, { signal, timeoutMs: callTimeoutMs });
    await sleep(clock, heartbeatMs, signal);
  }
}
