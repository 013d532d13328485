import { abortReasonAnnotation, type TaskAction, terminalPhase } from "@homeplane/idl";
import { taskActionType } from "../resource.ts";
import type { Deps } from "./deps.ts";
import { ignoreNotFound } from "./current-pod.ts";

/** Whoever waited for them is gone, or going: theirs go in turn. */
export async function stopChildren(deps: Deps, { metadata, spec }: TaskAction, signal: AbortSignal): Promise<void> {
  for (const child of deps.taskActions.byIndex("parent", metadata.uid ?? "")) {
    if (child.metadata.deletionTimestamp !== undefined || terminalPhase(child) !== undefined) continue;
    const name = { namespace: child.metadata.namespace ?? "", name: child.metadata.name };
    const reason = `parent ${spec.actionName} has ended or was aborted`;
    await deps.client
      .patch(
        taskActionType,
        name,
        { metadata: { uid: child.metadata.uid, annotations: { [abortReasonAnnotation]: reason } } },
        { signal },
      )
      .then(() =>
        deps.client.delete(taskActionType, name, { preconditions: { uid: child.metadata.uid ?? "" }, signal }),
      )
      .catch(ignoreNotFound);
  }
}
