import { rootAction } from "./actions/create-run.ts";
import type { Context } from "./context.ts";
import { actionPath, runPath } from "./services/identifiers.ts";
import { runChanges } from "./services/run-watches.ts";
import type { ActionKey } from "./store/port.ts";

/** Wakes everybody who watches the action, its run, or the lists that it is in. */
export function publishAction(ctx: Context, key: ActionKey): void {
  const topics = [actionPath(key), runPath(key), ...(key.action === rootAction ? [runChanges] : [])];
  for (const topic of topics) ctx.changes.publish(topic);
}
