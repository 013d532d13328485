import { abortReasonAnnotation, type TaskAction, terminalPhase } from "@homeplane/idl";
import { deleteWithReason } from "@homeplane/kube";
import { taskActionType } from "../resource.ts";
import type { Deps } from "./deps.ts";
import { ignoreNotFound } from "./current-pod.ts";

/** Whoever waited for them is gone, or going: theirs go in turn. */
export async function stopChildren(deps: Deps, { metadata, spec }: TaskAction, signal: AbortSignal): Promise<void> {
  for (const child of deps.taskActions.byIndex("parent", metadata.uid ?? "")) {
    if (child.metadata.deletionTimestamp !== undefined || terminalPhase(child) !== undefined) continue;
    const name = { namespace: child.metadata.namespace ?? "", name: child.metadata.name };
    const reason = `parent ${spec.actionName} has ended or was aborted`;
    const why = { annotation: abortReasonAnnotation, reason, uid: child.metadata.uid, signal };
    await deleteWithReason(deps.client, taskActionType, name, why).catch(ignoreNotFound);
  }
}
