/** What a task may do here: with its own action, its children and its descendants, and nothing else. Without a caller nobody asks. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { TaskAction } from "@homeplane/idl";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import type { KubeClient } from "@homeplane/kube";
import { taskActionType } from "../children.ts";
import { converted } from "../resource-calls.ts";
import { type Caller, denied } from "./caller.ts";

type Run = ActionIdentifier["run"];

/** Far more than anybody nests; a circle ends somewhere. */
const maxDepth = 1_000;

/**
 * A pod whose action has gone on in another one must not act for it any more; reading does no harm. The API is asked: a view that lags would let the
 * zombie of an attempt start children beside its successor's.
 */
export async function assertCurrent(
  caller: Caller | undefined,
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  if (caller === undefined) return;
  const { taskAction, attempt, incarnation, podName } = caller;
  const { namespace = "", name, uid } = taskAction.metadata;
  const live = await client.get(taskActionType, { namespace, name }, { signal }).catch(converted);
  const { attempts = 1, systemFailures = 0 } = live.status ?? {};
  if (live.metadata.uid === uid && attempt === attempts && incarnation === systemFailures) return;
  throw new ConnectError(
    `pod ${podName} was given up: action ${taskAction.spec.actionName} goes on with attempt ${attempts}, pod ${systemFailures + 1} of it`,
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

export async function assertDescendant(
  caller: Caller | undefined,
  parentOf: (action: string) => Promise<string | undefined>,
  run: Run,
  action: string,
): Promise<void> {
  if (caller === undefined) return;
  assertOwnRun(caller, run, "action_id.run");
  const { actionName } = caller.taskAction.spec;
  let name = await parentOf(action);
  for (let depth = 0; name !== undefined && depth < maxDepth; depth++) {
    if (name === actionName) return;
    name = await parentOf(name);
  }
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
