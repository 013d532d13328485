/** ActionsService for task pods, from TaskActions: Enqueue = create, acknowledged when stored; WatchForUpdates = watch; Abort = delete. */
import type { ServiceImpl } from "@connectrpc/connect";
import { abortReasonAnnotation, terminalPhase } from "@homeplane/idl";
import type { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { deleteWithReason } from "@homeplane/kube";
import { taskActionType } from "./children.ts";
import { enqueue } from "./enqueue.ts";
import { converted, resourceName } from "./resource-calls.ts";
import { type WatchOptions, watchForUpdates } from "./watch-for-updates.ts";

export function actionsService(options: WatchOptions): Partial<ServiceImpl<typeof ActionsService>> {
  return {
    async enqueue({ action }, { signal }) {
      await enqueue(options, action, signal);
      return {};
    },

    watchForUpdates: ({ filter }, { signal }) =>
      watchForUpdates(options, filter.case === "parentActionId" ? filter.value : undefined, signal),

    async abort({ actionId, reason = "aborted by its parent" }, { signal }) {
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
