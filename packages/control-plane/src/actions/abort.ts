import { create } from "@bufbuild/protobuf";
import { isTerminal } from "@homeplane/idl";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import type { Context } from "../context.ts";
import { actionIdentifier, actionNotFound } from "../services/identifiers.ts";
import type { ActionKey } from "../store/port.ts";

/** Orders the data plane to stop an action and its descendants. What has ended stays as it is: that is no error. */
export async function abort(ctx: Context, key: ActionKey, reason: string): Promise<void> {
  const row = await ctx.store.actions.get(key, { withTaskSpec: false });
  if (row === undefined) throw actionNotFound(key);
  if (isTerminal(row.details.status?.phase ?? 0)) return;
  const value = { actionId: actionIdentifier(ctx.config.org, key), reason: reason || "aborted by the user" };
  await ctx.store.orders.append(create(OrderSchema, { order: { case: "abort", value } }));
  ctx.changes.publish("orders");
}
