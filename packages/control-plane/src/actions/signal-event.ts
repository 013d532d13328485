/**
 * SignalEvent: the answer to a condition. It is kept with the action and ordered from the data plane in one transaction; from then on it is the
 * answer: the same one again changes nothing, another one is refused. The action ends when the data plane says so.
 */
import { clone, create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { isTerminal } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { type ActionDetails, ActionDetailsSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { SignalEventRequest } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import type { Context } from "../context.ts";
import { publishAction } from "../publish.ts";
import { actionIdentifier, actionKey, actionNotFound, actionPath, invalid } from "../services/identifiers.ts";
import type { ActionKey } from "../store/port.ts";
import { literalOf } from "./signal-value.ts";

/** On loopback there is one user. */
const localUser = { principal: { case: "user" as const, value: { id: { subject: "local" } } } };

export async function signalEvent(ctx: Context, request: SignalEventRequest): Promise<void> {
  const key = actionKey(request.actionId);
  const row = await ctx.store.actions.get(key, { withTaskSpec: false });
  if (row === undefined) throw actionNotFound(key);
  const { spec, metadata } = row.details;
  if (spec.case !== "condition") throw invalid("action_id", `${actionPath(key)} is no condition`);
  if (request.parentActionName !== "" && request.parentActionName !== metadata?.parent)
    throw invalid("parent_action_name", `the parent of ${key.action} is ${metadata?.parent}`);
  const value = literalOf(request.payload, spec.value);
  const order = create(OrderSchema, {
    order: {
      case: "signal",
      value: {
        actionId: actionIdentifier(ctx.config.org, key),
        value,
        signalledBy: "local",
        signalledAt: timestampFromMs(ctx.clock.now()),
      },
    },
  });
  const answered = await ctx.store.actions.update(key, (details) => withAnswer(details, value, key), order);
  if (!answered) return;
  publishAction(ctx, key);
  ctx.changes.publish("orders");
}

function withAnswer(
  details: ActionDetails,
  output: ReturnType<typeof literalOf>,
  key: ActionKey,
): ActionDetails | undefined {
  const { result, status } = details;
  if (result.case === "signalInfo") {
    const known = result.value.output;
    if (known !== undefined && equals(LiteralSchema, known, output)) return undefined;
    throw new ConnectError(`condition ${actionPath(key)} has another answer already`, Code.AlreadyExists);
  }
  const phase = status?.phase ?? ActionPhase.UNSPECIFIED;
  if (isTerminal(phase)) {
    const name = Object.entries(ActionPhase).find(([, number]) => number === phase)?.[0];
    throw new ConnectError(
      `condition ${actionPath(key)} has ended as ${name}: it takes no answer any more`,
      Code.FailedPrecondition,
    );
  }
  const next = clone(ActionDetailsSchema, details);
  next.result = create(ActionDetailsSchema, {
    result: { case: "signalInfo", value: { signalledBy: localUser, output } },
  }).result;
  return next;
}

/** The data plane has refused the answer: unless the action has ended, it can be given anew. */
export async function takeBack(ctx: Context, key: ActionKey): Promise<void> {
  const changed = await ctx.store.actions.update(key, (details) => {
    if (details.result.case !== "signalInfo" || isTerminal(details.status?.phase ?? 0)) return undefined;
    const next = clone(ActionDetailsSchema, details);
    next.result = { case: undefined };
    return next;
  });
  if (changed) publishAction(ctx, key);
}
