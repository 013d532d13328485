/** ActionsService for task pods, from TaskActions: Enqueue = create, acknowledged when stored; WatchForUpdates = watch; Abort = delete. */
import type { ServiceImpl } from "@connectrpc/connect";
import { abortReasonAnnotation, terminalPhase } from "@homeplane/idl";
import type { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { deleteWithReason } from "@homeplane/kube";
import { taskActionType } from "./children.ts";
import { enqueue, findAction } from "./enqueue.ts";
import { callerKey } from "./identity/caller.ts";
import { assertCurrent, assertDescendant, assertOwnAction } from "./identity/rights.ts";
import { converted, resourceName } from "./resource-calls.ts";
import { type WatchOptions, watchForUpdates } from "./watch-for-updates.ts";

export function actionsService(options: WatchOptions): Partial<ServiceImpl<typeof ActionsService>> {
  return {
    async enqueue({ action }, { signal, values }) {
      const caller = values.get(callerKey);
      assertOwnAction(caller, action?.actionId?.run, action?.parentActionName ?? "", "action.parent_action_name");
      await assertCurrent(caller, options.client, signal);
      await enqueue(options, action, signal);
      return {};
    },

    watchForUpdates: ({ filter }, { signal, values }) => {
      const parent = filter.case === "parentActionId" ? filter.value : undefined;
      assertOwnAction(values.get(callerKey), parent?.run, parent?.name ?? "", "parent_action_id");
      return watchForUpdates(options, parent, signal);
    },

    async abort({ actionId, reason = "aborted by its parent" }, { signal, values }) {
      const caller = values.get(callerKey);
      const parentOf = async (name: string): Promise<string | undefined> =>
        (await findAction(options, resourceName(actionId?.run, name), signal)).spec.parentActionName;
      await assertDescendant(caller, parentOf, actionId?.run, actionId?.name ?? "");
      await assertCurrent(caller, options.client, signal);
      await deleteWithReason(options.client, taskActionType, resourceName(actionId?.run, actionId?.name ?? ""), {
        annotation: abortReasonAnnotation,
        reason,
        unless: (found) => terminalPhase(found) !== undefined,
        signal,
      }).catch(converted);
      return {};
    },
  };
}
