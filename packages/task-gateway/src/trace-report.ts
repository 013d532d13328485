/** One trace, told to the control plane: its spec, its event, its end. Each is idempotent there. */
import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import type { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { ActionEventSchema, ActionStatusSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { errorInfoOf, type RecordedTrace } from "./trace-error.ts";

export interface ReportClients {
  readonly events: Client<typeof EventsProxyService>;
  readonly runs: Client<typeof InternalRunService>;
}

const callTimeoutMs = 30_000;

export async function sendTrace(
  { events, runs }: ReportClients,
  { action, error }: RecordedTrace,
  signal: AbortSignal,
): Promise<void> {
  const { actionId, parentActionName, group, inputUri, spec } = action;
  if (spec.case !== "trace" || actionId === undefined) return;
  const { phase, startTime, endTime, outputs } = spec.value;
  const call = { signal, timeoutMs: callTimeoutMs };
  await runs.recordAction({ actionId, parent: parentActionName ?? "", group, inputUri, spec }, call);
  const times = { ...(startTime ? { startTime } : {}), ...(endTime ? { endTime, updatedTime: endTime } : {}) };
  const event = create(ActionEventSchema, {
    id: actionId,
    attempt: 1,
    phase,
    ...times,
    ...(outputs ? { outputs } : {}),
    ...(error ? { errorInfo: errorInfoOf(error) } : {}),
  });
  await events.record({ events: [event] }, call);
  const status = create(ActionStatusSchema, { phase, attempts: 1, ...(endTime ? { endTime } : {}) });
  await runs.updateActionStatus({ actionId, status }, call);
}
