/** The operator on an API in memory, with the control plane's end of the channel in the test's hand. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { taskActionCrd, taskActions, type TaskAction } from "@homeplane/idl";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import type { ActionEvent } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type Order, OrchestrationService, OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import {
  customResourceDefinitions,
  KubeClient,
  type ResourceType,
  type TransportRequest,
  type TransportResponse,
} from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore } from "@homeplane/kube-embedded";
import { type Clock, silentLogger } from "@homeplane/runtime-kit";
import { type NamespaceConfig, namespaceDefaults } from "../namespaces/config.ts";
import { createOperator } from "../operator.ts";

export const taskActionType: ResourceType<TaskAction> = taskActions;

/** Delays end at once, and are kept. */
class EagerClock implements Clock {
  readonly delays: number[] = [];
  #now = Date.UTC(2030, 0, 1);
  now(): number {
    return this.#now;
  }
  skip(ms: number): void {
    this.#now += ms;
  }
  after(ms: number, run: () => void): () => void {
    this.delays.push(ms);
    // Heartbeats and deadlines stay far away.
    if (ms >= 10_000) return () => undefined;
    const soon = setImmediate(run);
    return () => clearImmediate(soon);
  }
}

export async function world(
  options: {
    /** Before the operator starts. */
    first?: (client: KubeClient) => Promise<void>;
    before?: (request: TransportRequest) => Promise<void>;
    /** Instead of the API's answer. */
    answer?: (request: TransportRequest) => TransportResponse | undefined;
    fail?: (request: TransportRequest) => boolean;
    away?: () => boolean;
    ackFails?: () => boolean;
    namespaces?: Partial<NamespaceConfig>;
  } = {},
) {
  const clock = new EagerClock();
  const common = { clock, random: () => 0.999, log: silentLogger };
  const store = openStore({ path: ":memory:" });
  // Its uids come from it: they must differ.
  let ids = 0;
  const random = (): number => (ids++ % 1009) / 1009;
  const server = new ApiServer({ ...common, random, store, podLogs: async function* () {} });
  const api = inProcessTransport(server);
  const client = new KubeClient({ ...common, transport: api });
  await client.create(customResourceDefinitions, taskActionCrd);
  await options.first?.(client);
  const requests: string[] = [];
  const transport = {
    request: async (request: TransportRequest) => {
      requests.push(`${request.method} ${request.path}`);
      await options.before?.(request);
      if (options.fail?.(request) === true) throw new Error("the API is away");
      return options.answer?.(request) ?? (await api.request(request));
    },
    close: () => api.close(),
  };
  const orders: Order[] = [];
  const told: ActionEvent[] = [];
  const acknowledged: { sequence: bigint; errorCode: string; errorMessage: string }[] = [];
  let registrations = 0;
  let wake = Promise.withResolvers<void>();
  const orchestration = createRouterTransport(({ service }) => {
    service(EventsProxyService, {
      record({ events }) {
        told.push(...events);
        return {};
      },
    });
    service(OrchestrationService, {
      registerCluster() {
        registrations++;
        if (options.away?.() === true) throw new ConnectError("away", Code.Unavailable);
        return {};
      },
      heartbeat: () => ({}),
      acknowledgeOrders({ results }) {
        if (options.ackFails?.() === true) throw new ConnectError("away", Code.Unavailable);
        acknowledged.push(...results);
        return {};
      },
      async *watchOrders(_, { signal }) {
        const offered = new Set<bigint>();
        while (!signal.aborted) {
          const next = orders.filter(
            ({ sequence }) => !offered.has(sequence) && !acknowledged.some((one) => one.sequence === sequence),
          );
          for (const { sequence } of next) offered.add(sequence);
          if (next.length > 0) yield { orders: next };
          else await Promise.race([wake.promise, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
        }
      },
    });
  });
  const stop = new AbortController();
  const operator = createOperator({
    ...common,
    client: new KubeClient({ ...common, transport }),
    orchestration,
    cluster: "c",
    version: "1",
    namespaces: { ...namespaceDefaults, ...options.namespaces },
  });
  const running = Promise.all([server.run(stop.signal), operator.run(stop.signal)]);
  return {
    client,
    clock,
    requests,
    acknowledged,
    told,
    registrations: () => registrations,
    offer(...order: Order["order"][]) {
      for (const one of order) orders.push(create(OrderSchema, { sequence: BigInt(orders.length + 1), order: one }));
      wake.resolve();
      wake = Promise.withResolvers<void>();
    },
    async until(what: string, done: () => boolean | Promise<boolean>) {
      for (let turn = 0; turn < 5000; turn++) {
        if (await done()) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error(`${what}: never`);
    },
    /** Until an order has failed for the first time. */
    async waits(): Promise<void> {
      await this.until("an order waits", () => clock.delays.includes(249));
    },
    actions: async () => (await client.list(taskActionType)).items,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await store.close();
    },
  };
}

export const id = (run: string, action = "a0") => ({
  run: { org: "acme", project: "demo", domain: "development", name: run },
  name: action,
});

export function start(
  run: string,
  more: { size?: number; labels?: Record<string, string>; name?: string } = {},
): Order["order"] {
  const container = { image: "x", args: ["x".repeat(more.size ?? 1)] };
  const message = create(OrderSchema, {
    order: {
      case: "start",
      value: {
        spec: {
          actionId: id(run, more.name),
          runOutputBase: `s3://m/${run}`,
          spec: {
            case: "task",
            value: { spec: { taskTemplate: { type: "python", target: { case: "container", value: container } } } },
          },
        },
        labels: more.labels ?? {},
      },
    },
  });
  return message.order;
}

export function abort(run: string, action = "a0"): Order["order"] {
  return create(OrderSchema, { order: { case: "abort", value: { actionId: id(run, action), reason: "enough" } } })
    .order;
}
