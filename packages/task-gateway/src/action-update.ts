import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { attemptPrefix, phaseOf, phaseToProto, type TaskAction } from "@homeplane/idl";
import { ExecutionError_ErrorKind } from "@homeplane/idl/flyteidl2/core/execution";
import { type Literal, LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { type ActionUpdate, ActionUpdateSchema } from "@homeplane/idl/flyteidl2/workflow/state_service";
import { RecoveredActionSchema } from "@homeplane/idl/homeplane/v1/recovery";
import type { RecordedTrace } from "./trace-error.ts";

/** What a parent is told of a child. The output's address is always there: without one the SDK fills the user's log with warnings. */
export function updateOfChild(taskAction: TaskAction): ActionUpdate {
  const { spec, status = {} } = taskAction;
  const { org = "", project, domain, runName, actionName } = spec;
  const current = attemptPrefix(spec.runOutputBase ?? "", actionName, status.attempts ?? 1, status.systemFailures ?? 0);
  const error = status.errorState;
  const phase = phaseOf(taskAction);
  const answer = phase === "SUCCEEDED" || phase === "RECOVERED" ? answerOf(taskAction) : undefined;
  return create(ActionUpdateSchema, {
    actionId: { run: { org, project, domain, name: runName }, name: actionName },
    phase: phaseToProto(phase),
    outputUri: status.attemptHistory?.at(-1)?.outputUri ?? current,
    ...(error ? { error: { ...error, kind: ExecutionError_ErrorKind[error.kind] } } : {}),
    ...(answer ? { value: answer } : {}),
  });
}

/** A trace comes with its outcome; its address is the file's own. */
export function updateOfTrace({ action, error }: RecordedTrace): ActionUpdate {
  if (action.spec.case !== "trace") throw new TypeError("not a trace");
  const { phase, outputs } = action.spec.value;
  const { actionId } = action;
  return create(ActionUpdateSchema, {
    ...(actionId ? { actionId } : {}),
    phase,
    outputUri: outputs?.outputUri ?? "",
    ...(error ? { error } : {}),
  });
}

/** What a condition was answered, in this run or in the one that it recovers. */
function answerOf({ spec, status }: TaskAction): Literal | undefined {
  if (spec.actionType !== "condition") return undefined;
  if (status?.signalValue !== undefined) return decoded(LiteralSchema, status.signalValue);
  const outcome = decoded(RecoveredActionSchema, spec.recovered ?? "").outcome;
  return outcome.case === "signal" ? outcome.value : undefined;
}

function decoded<D extends DescMessage>(schema: D, base64: string): MessageShape<D> {
  return fromBinary(schema, Buffer.from(base64, "base64"));
}
