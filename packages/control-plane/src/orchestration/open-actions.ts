/** What the control plane takes for going on in a cluster, so that the data plane can say what of it is not there any more. */
import { isTerminal } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ActionType } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { Context } from "../context.ts";
import { actionIdentifier, actionKey, actionPath } from "../services/identifiers.ts";
import { pageToken, positionIn } from "../services/filters.ts";
import type { Filter } from "../store/port.ts";

const pageSize = 500;
const ordersAtOnce = 200;
/** By name, because the store finds them by index: nobody looks through all that has ended. */
const openPhases = Object.values(ActionPhase)
  .filter((phase) => typeof phase === "number")
  .filter((phase) => !isTerminal(phase));
const open: readonly Filter[] = [
  { field: "phase", op: "in", values: openPhases },
  // A trace has no resource.
  { field: "action_type", op: "in", values: [ActionType.TASK, ActionType.CONDITION] },
];

export async function openActions(ctx: Context, cluster: string, token: string) {
  const after = positionIn(token, "token");
  const query = { rootsOnly: false, filters: open, ascending: true, limit: pageSize, ...(after ? { after } : {}) };
  const { rows, next } = await ctx.store.actions.list(query);
  // Read after the actions: an order that is acknowledged in between is stored in Kubernetes already.
  const ordered = await notStoredYet(ctx);
  const here = rows.filter(({ details }) => {
    const told = details.attempts.findLast((attempt) => attempt.cluster !== "")?.cluster ?? cluster;
    return told === cluster;
  });
  const actions = here.flatMap((row) => {
    if (ordered.has(actionPath(row))) return [];
    const attempt = Math.max(1, row.details.status?.attempts ?? 1);
    return [{ actionId: actionIdentifier(ctx.config.org, row), attempt }];
  });
  return { actions, token: pageToken(next) };
}

/** Actions whose order to start nobody has acknowledged. */
async function notStoredYet(ctx: Context): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let after = 0n; ; ) {
    const orders = await ctx.store.orders.pending(after, ordersAtOnce);
    for (const { order } of orders)
      if (order.case === "start") found.add(actionPath(actionKey(order.value.spec?.actionId)));
    const last = orders.at(-1);
    if (last === undefined) return found;
    after = last.sequence;
  }
}
