import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { abortedOrder, phaseToProto } from "@homeplane/idl";
import type { OrchestrationService, OrderResult } from "@homeplane/idl/homeplane/v1/orchestration";
import { takeBack } from "../actions/signal-event.ts";
import { requireOwnCluster } from "../clusters.ts";
import type { Context } from "../context.ts";
import { actionKey, invalid } from "../services/identifiers.ts";
import { openActions } from "./open-actions.ts";
import { recordFailure } from "./record.ts";

const orderPage = 200;

export function orchestrationService(ctx: Context): ServiceImpl<typeof OrchestrationService> {
  return {
    async registerCluster({ cluster, version }, { values }) {
      if (cluster === "") throw invalid("cluster", "is required");
      requireOwnCluster(values, cluster);
      ctx.clusters.heard(cluster, version);
      ctx.log.info({ event: "cluster.registered", cluster, version });
      return {};
    },
    async heartbeat({ cluster }, { values }) {
      requireOwnCluster(values, cluster);
      ctx.clusters.heard(cluster);
      return { serverTime: timestampFromMs(ctx.clock.now()) };
    },
    async *watchOrders({ cluster }, { signal, values }) {
      requireOwnCluster(values, cluster);
      let after = 0n;
      for await (const _wake of ctx.changes.subscribe("orders", AbortSignal.any([signal, ctx.stopping]))) {
        for (;;) {
          const orders = await ctx.store.orders.pending(after, orderPage);
          const last = orders.at(-1);
          if (last === undefined) break;
          yield { orders: [...orders] };
          after = last.sequence;
        }
      }
    },
    async acknowledgeOrders({ cluster, results }, { values }) {
      requireOwnCluster(values, cluster);
      for (const result of results) if (result.errorCode !== "") await refuse(result);
      await ctx.store.orders.acknowledge(results.map(({ sequence }) => sequence));
      return {};
    },
    async listOpenActions({ cluster, token }, { values }) {
      requireOwnCluster(values, cluster);
      return openActions(ctx, cluster, token);
    },
  };

  /** The data plane will never run it: the action fails, visibly, with the data plane's words. */
  async function refuse({ sequence, errorCode, errorMessage }: OrderResult): Promise<void> {
    const order = await ctx.store.orders.get(sequence);
    ctx.log.warn({ event: "order.refused", sequence: String(sequence), errorCode, errorMessage });
    if (order?.order.case === "signal") return takeBack(ctx, actionKey(order.order.value.actionId));
    if (order?.order.case !== "start") return;
    const key = actionKey(order.order.value.spec?.actionId);
    const phase = phaseToProto(errorCode === abortedOrder ? "ABORTED" : "FAILED");
    await recordFailure(ctx, key, phase, { code: errorCode, message: errorMessage });
  }
}
