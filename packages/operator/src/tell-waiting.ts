/** Tells the control plane why an action is not in the cluster yet: until it is, nobody else reports on it. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { phaseToProto } from "@homeplane/idl";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { ActionEventSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import type { OrderDeskOptions } from "./order-desk.ts";

export interface TellOptions {
  readonly orchestration: Transport;
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const callTimeoutMs = 10_000;

export function waitingTeller(
  { orchestration, cluster, clock, log }: TellOptions,
  signal: AbortSignal,
): OrderDeskOptions["tell"] {
  const events = createClient(EventsProxyService, orchestration);
  return ({ order }, { code, message }) => {
    const id = order.case === "start" ? order.value.spec?.actionId : undefined;
    if (id === undefined) return;
    const at = timestampFromMs(clock.now());
    const event = create(ActionEventSchema, {
      id,
      attempt: 1,
      phase: phaseToProto("WAITING_FOR_RESOURCES"),
      cluster,
      startTime: at,
      updatedTime: at,
      clusterEvents: [{ reason: code, message, occurredAt: at }],
    });
    // It is a word on the way: when it is lost, the order itself is not.
    events.record({ events: [event] }, { signal, timeoutMs: callTimeoutMs }).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ event: "order.not_told", run: id.run?.name, error: messageOf(error) });
    });
  };
}
