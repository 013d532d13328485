/** The orchestration channel's other end: offers orders, keeps what is reported, and checks that it makes sense. */
import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { isTerminal, phaseOrder } from "@homeplane/idl";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { CacheService } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import type { ActionEvent } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type Order, OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import type { Clock } from "@homeplane/runtime-kit";
import { FakeCache } from "./fake-cache.ts";

export class FakeControlPlane {
  away = false;
  /** Calls under way, watches not counted. */
  inFlight = 0;
  readonly events = new Map<string, ActionEvent[]>();
  /** Phases of `updateActionStatus`, by action. */
  readonly ends = new Map<string, Set<ActionPhase>>();
  readonly abortReasons = new Map<string, string>();
  readonly recorded = new Map<string, ActionIdentifier>();
  readonly acknowledged = new Map<bigint, string>();
  /** What must never be; a test looks at it after each step. */
  readonly wrongs: string[] = [];
  readonly cache: FakeCache;
  readonly #orders: Order[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock) {
    this.cache = new FakeCache(clock);
  }

  offer(order: Order): void {
    this.#orders.push(order);
    for (const wake of this.#watchers) wake();
  }

  transport(): Transport {
    const router = this.#router();
    return {
      // As a connection that is refused: a day of it must cost no more than it needs.
      unary: async (...call) => {
        if (this.away) throw unavailable();
        return await router.unary(...call);
      },
      stream: (...call) => router.stream(...call),
    };
  }

  #router(): Transport {
    return createRouterTransport(({ service }) => {
      service(EventsProxyService, {
        record: ({ events }) => this.#call({}, () => events.forEach((event) => this.#take(event))),
      });
      service(InternalRunService, {
        recordAction: ({ actionId }) =>
          this.#call({ status: { code: 0 } }, () => {
            if (actionId !== undefined) this.recorded.set(actionId.name, actionId);
          }),
        updateActionStatus: ({ actionId, status, abortReason }) =>
          this.#call({ status: { code: 0 } }, () =>
            this.#end(actionId?.name ?? "", status?.phase ?? ActionPhase.UNSPECIFIED, abortReason ?? ""),
          ),
      });
      service(
        CacheService,
        this.cache.service((effect) => this.#call(undefined, () => undefined).then(effect)),
      );
      service(OrchestrationService, {
        registerCluster: () => this.#call({}),
        heartbeat: () => this.#call({}),
        acknowledgeOrders: ({ results }) =>
          this.#call({}, () =>
            results.forEach(({ sequence, errorCode }) => this.acknowledged.set(sequence, errorCode)),
          ),
        watchOrders: (_, { signal }) => this.#watch(signal),
        listOpenActions: async () => ({ actions: await this.#call(undefined).then(() => this.#open()) }),
      });
    });
  }

  /** Roots whose order is acknowledged, and children that were told of. */
  #open(): { actionId: ActionIdentifier; attempt: number }[] {
    const roots = this.#orders.flatMap(({ sequence, order }) =>
      order.case === "start" && this.acknowledged.get(sequence) === "" ? (order.value.spec?.actionId ?? []) : [],
    );
    return [...roots, ...this.recorded.values()]
      .filter(({ name }) => !this.ends.has(name))
      .map((actionId) => ({ actionId, attempt: this.events.get(actionId.name)?.at(-1)?.attempt ?? 1 }));
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<{ orders: Order[] }> {
    if (this.away) throw unavailable();
    let next = 0;
    while (!signal.aborted) {
      const orders = this.#orders.slice(next).filter(({ sequence }) => !this.acknowledged.has(sequence));
      next = this.#orders.length;
      if (orders.length > 0) yield { orders };
      else await this.#wake(signal);
    }
  }

  #wake(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** One turn of the event loop passes before the answer, as with any network. */
  async #call<T>(answer: T, effect: () => void = () => undefined): Promise<T> {
    this.inFlight++;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.away) throw unavailable();
      effect();
      return answer;
    } finally {
      this.inFlight--;
    }
  }

  #take(event: ActionEvent): void {
    const action = event.id?.name ?? "";
    const known = this.events.get(action) ?? [];
    if (action !== "a0" && !this.recorded.has(action)) this.wrongs.push(`${action}: an event before its spec`);
    if (event.attempt < 1) this.wrongs.push(`${action}: attempt ${event.attempt}`);
    const repeated = known.some((other) => position(other) === position(event) && other.version === event.version);
    // At least once: what was told may be told again. What is new must lie ahead of everything told before (I2).
    if (repeated) return;
    const last = known.at(-1);
    if (last !== undefined && position(event) < position(last)) {
      this.wrongs.push(
        `${action}: attempt ${event.attempt} ${phaseName(event.phase)} after attempt ${last.attempt} ${phaseName(last.phase)}`,
      );
    }
    this.events.set(action, [...known, event]);
  }

  #end(action: string, phase: ActionPhase, abortReason: string): void {
    const phases = this.ends.get(action) ?? new Set();
    if (!isTerminal(phase)) this.wrongs.push(`${action}: ${phaseName(phase)} is no end`);
    this.ends.set(action, phases.add(phase));
    this.abortReasons.set(action, abortReason);
    if (phases.size > 1) this.wrongs.push(`${action}: ended as ${[...phases].map(phaseName).join(" and ")}`);
  }
}

export function phaseName(phase: ActionPhase): string {
  return Object.entries(ActionPhase).find(([, value]) => value === phase)?.[0] ?? String(phase);
}

function position({ attempt, phase }: ActionEvent): number {
  return attempt * 1_000 + phaseOrder(phase);
}

function unavailable(): ConnectError {
  return new ConnectError("the control plane is away", Code.Unavailable);
}
