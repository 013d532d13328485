/** What a task may do here: with its own action, its children and its descendants, and nothing else. Without a caller nobody asks. */
import { Code, ConnectError } from "@connectrpc/connect";
import { type TaskAction, taskActionName } from "@homeplane/idl";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import type { Children } from "../children.ts";
import { type Caller, denied } from "./caller.ts";

type Run = ActionIdentifier["run"];

/** A pod whose action has gone on in another one must not act for it any more; reading does no harm. */
export function assertCurrent(caller: Caller | undefined): void {
  if (caller === undefined) return;
  const { taskAction, attempt, incarnation, podName } = caller;
  const { attempts = 1, systemFailures = 0 } = taskAction.status ?? {};
  // A view that lags behind the pod is no ground to refuse it.
  if (attempt > attempts || (attempt === attempts && incarnation >= systemFailures)) return;
  const { actionName } = taskAction.spec;
  throw new ConnectError(
    `pod ${podName} was given up: action ${actionName} goes on with attempt ${attempts}, pod ${systemFailures + 1} of it`,
    Code.Aborted,
  );
}

export function assertOwnAction(caller: Caller | undefined, run: Run, action: string, what: string): void {
  if (caller === undefined) return;
  assertOwnRun(caller, run, what);
  const { actionName } = caller.taskAction.spec;
  if (action !== actionName)
    throw denied(`${what}: is "${action}", but the caller is action "${actionName}" and may name only itself`);
}

export function assertDescendant(caller: Caller | undefined, children: Children, run: Run, action: string): void {
  if (caller === undefined) return;
  assertOwnRun(caller, run, "action_id.run");
  const { namespace = "" } = caller.taskAction.metadata;
  const { runName, actionName } = caller.taskAction.spec;
  const parentOf = (name: string): string | undefined =>
    children.informer.get(`${namespace}/${taskActionName(runName, name)}`)?.spec.parentActionName;
  // Nesting is bounded by the API's own names; a circle can not be, owners come first.
  for (let name = parentOf(action), depth = 0; name !== undefined && depth < 10_000; name = parentOf(name), depth++)
    if (name === actionName) return;
  throw denied(
    `action "${action}" is no descendant of the caller, action "${actionName}": it may abort none but those`,
  );
}

function assertOwnRun({ taskAction }: Caller, run: Run, what: string): void {
  const { project, domain, runName } = taskAction.spec;
  if (run?.project === project && run.domain === domain && run.name === runName) return;
  const asked = `${run?.project ?? ""}/${run?.domain ?? ""}/${run?.name ?? ""}`;
  throw denied(
    `${what}: is of run "${asked}", but the caller is of run "${project}/${domain}/${runName}" and may name no other`,
  );
}

/** For the receiver's own log: who it was. */
export function callerText({ spec }: TaskAction): string {
  return `${spec.project}/${spec.domain}/${spec.runName}/${spec.actionName}`;
}
