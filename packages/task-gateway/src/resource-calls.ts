/** TaskActions by the names of actions, and the API's refusals in the words that the SDK acts on. */
import { Code, ConnectError } from "@connectrpc/connect";
import { namespaceOf, taskActionName } from "@homeplane/idl";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { isNotFound, KubeError, type ObjectName } from "@homeplane/kube";

export function resourceName(run: ActionIdentifier["run"], action: string): Required<ObjectName> {
  if (!run?.project || !run.domain || !run.name)
    throw new ConnectError("action_id.run: project, domain and name are required", Code.InvalidArgument);
  if (action === "") throw new ConnectError("action_id.name: is required", Code.InvalidArgument);
  return { namespace: namespaceOf(run.project, run.domain), name: taskActionName(run.name, action) };
}

/** The same answer would come again. */
const final: ReadonlySet<number> = new Set([400, 413, 422]);

/** UNAVAILABLE backs off and tries again, INVALID_ARGUMENT and NOT_FOUND fail the action. */
export function converted(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  const code = isNotFound(error) ? Code.NotFound : final.has(error.status) ? Code.InvalidArgument : Code.Unavailable;
  throw new ConnectError(error.message, code, undefined, undefined, error);
}
