/** The error of a failed trace: the pod writes it to a file before it enqueues the trace, the request itself does not carry it. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { errorFile } from "@homeplane/idl";
import type { Action } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import {
  ErrorDocumentSchema,
  type ExecutionError,
  ExecutionErrorSchema,
} from "@homeplane/idl/flyteidl2/core/execution";
import { type ErrorInfo, ErrorInfo_Kind, ErrorInfoSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";

/** A trace with all that is to be told of it. */
export interface RecordedTrace {
  readonly action: Action;
  readonly error?: ExecutionError;
}

/** More than this is not passed on: it has to fit into messages and a database. */
const maxErrorBytes = 1 << 20;

/** Throws when the store can not be asked. A trace without outputs has no error file: its failure is told without one. */
export async function withError(
  objects: Client<typeof ObjectStoreService>,
  base: string,
  action: Action,
): Promise<RecordedTrace> {
  if (action.spec.case !== "trace" || action.spec.value.phase !== ActionPhase.FAILED) return { action };
  const nativeUrl = `${base}/${action.actionId?.name}/${errorFile}`;
  try {
    const { content } = await objects.getObject({ nativeUrl, maxBytes: BigInt(maxErrorBytes) });
    const { error } = fromBinary(ErrorDocumentSchema, content);
    if (error === undefined) return { action };
    const { code, message, origin, kind } = error;
    return { action, error: create(ExecutionErrorSchema, { code, message, kind: origin, recoverability: kind }) };
  } catch (error) {
    const known =
      error instanceof ConnectError && (error.code === Code.NotFound || error.code === Code.ResourceExhausted);
    if (!known) throw error;
    return { action };
  }
}

/** What a trace raises is the task's own, whatever the file says of its origin. */
export function errorInfoOf({ code, message }: ExecutionError): ErrorInfo {
  return create(ErrorInfoSchema, { code, message, kind: ErrorInfo_Kind.USER });
}
