/**
 * Takes actions in from the control plane: registers the cluster, heartbeats, follows the orders and writes them into Kubernetes. An order is
 * acknowledged only when it is stored; it may come again, so storing is idempotent by name.
 */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import type { KubeClient } from "@homeplane/kube";
import {
  type Backoff,
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  pause,
  type Random,
  runServices,
  type Service,
  sleep,
} from "@homeplane/runtime-kit";
import type { NamespaceConfig } from "./namespaces/config.ts";
import { NamespaceKeeper } from "./namespaces/keeper.ts";
import { OrderDesk } from "./order-desk.ts";
import { carryOut } from "./orders.ts";
import { waitingTeller } from "./tell-waiting.ts";

export interface OperatorOptions {
  readonly client: KubeClient;
  /** The orchestration channel. */
  readonly orchestration: Transport;
  readonly cluster: string;
  readonly version: string;
  readonly namespaces: NamespaceConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const reconnect: Backoff = { baseMs: 250, maxMs: 15_000, jitter: "full" };
const heartbeatMs = 10_000;
const callTimeoutMs = 30_000;

export function createOperator(options: OperatorOptions): Service {
  const channel = createClient(OrchestrationService, options.orchestration);
  const keeper = new NamespaceKeeper({ ...options, config: options.namespaces });
  const waitingSince = new Map<bigint, number>();
  return {
    name: "operator",
    run: (signal) =>
      runServices(
        [
          keeper,
          {
            name: "operator.orders",
            run: (stop) =>
              forever(options, "orders", stop, () => followOrders(options, channel, keeper, waitingSince, stop)),
          },
          {
            name: "operator.heartbeat",
            run: (stop) => forever(options, "heartbeat", stop, () => beat(options, channel, stop)),
          },
        ],
        signal,
      ),
  };
}

/** Runs `session` again and again, with backoff while it fails at once. */
async function forever(
  options: OperatorOptions,
  what: string,
  signal: AbortSignal,
  session: () => Promise<void>,
): Promise<void> {
  const { clock, random, log } = options;
  let told: string | undefined;
  for (let failures = 0; !signal.aborted; ) {
    const begun = clock.now();
    try {
      await session();
    } catch (error) {
      if (signal.aborted) return;
      const line = { event: `operator.${what}.lost`, error: messageOf(error) };
      // An outage is told once, however many tries it takes.
      if (clock.now() - begun > reconnect.maxMs || line.error !== told) log.warn(line);
      else log.debug(line);
      told = line.error;
    }
    if (clock.now() - begun > reconnect.maxMs) failures = 0;
    await pause(clock, backoffMs(reconnect, failures++, random), signal);
  }
}

async function followOrders(
  options: OperatorOptions,
  channel: Client<typeof OrchestrationService>,
  keeper: NamespaceKeeper,
  waitingSince: Map<bigint, number>,
  signal: AbortSignal,
): Promise<void> {
  const { client, cluster, version } = options;
  await channel.registerCluster({ cluster, version }, { signal, timeoutMs: callTimeoutMs });
  const end = new AbortController();
  const session = AbortSignal.any([signal, end.signal]);
  const tools = { client, ensureNamespace: keeper.ensure.bind(keeper) };
  const desk = new OrderDesk({
    ...options,
    carryOut: (order) => carryOut(tools, order, session),
    tell: waitingTeller(options, session),
    waitingSince,
    signal: session,
  });
  const follow = async (): Promise<void> => {
    for await (const { orders } of channel.watchOrders({ cluster }, { signal: session })) {
      for (const order of orders) await desk.take(order);
    }
  };
  const acknowledge = async (): Promise<void> => {
    for (;;) {
      const results = await desk.results();
      if (results.length === 0) return;
      await channel.acknowledgeOrders(
        { cluster, results: [...results] },
        { signal: session, timeoutMs: callTimeoutMs },
      );
    }
  };
  const parts = [follow(), acknowledge()];
  try {
    // What is not acknowledged when either of them ends is offered again.
    await Promise.race(parts);
  } finally {
    end.abort();
    await Promise.allSettled(parts);
  }
}

async function beat(
  { cluster, clock }: OperatorOptions,
  channel: Client<typeof OrchestrationService>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await channel.heartbeat({ cluster }, { signal, timeoutMs: callTimeoutMs });
    await sleep(clock, heartbeatMs, signal);
  }
}
