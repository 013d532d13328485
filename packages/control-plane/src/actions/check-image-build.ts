/** A run that builds an image is refused at once when the data plane can tell that it would fail: the client shows why, and waits for nothing. */
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import type { TaskIdentifier } from "@homeplane/idl/flyteidl2/task/task_definition";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { invalid, isBelow, scopePrefix } from "../services/identifiers.ts";
import type { RunKey } from "../store/port.ts";
import { buildImageTask } from "../system-tasks.ts";

export async function checkImageBuild(
  ctx: Context,
  taskId: TaskIdentifier | undefined,
  inputUri: string,
  target: RunKey,
): Promise<void> {
  const { images, objects } = ctx.dataPlane;
  if (images === undefined || taskId === undefined) return;
  const { project, domain, name } = buildImageTask;
  if (taskId.project !== project || taskId.domain !== domain || taskId.name !== name) return;
  const { content } = await objects.getObject({ nativeUrl: inputUri }, { timeoutMs: dataPlaneTimeoutMs });
  const inputs = stringsOf(content);
  const specUri = inputs.get("spec") ?? "";
  const contextUri = inputs.get("context") ?? "";
  const own = scopePrefix(ctx, target);
  for (const [field, uri] of Object.entries({ spec: specUri, context: contextUri }))
    if (uri !== "" && !isBelow(uri, own)) throw invalid(`inputs.${field}`, `"${uri}" is not below ${own}`);
  if (specUri === "") throw invalid("inputs.spec", "is required: the address of an ImageSpec");
  try {
    await images.checkBuild({ specUri, contextUri }, { timeoutMs: dataPlaneTimeoutMs });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // A data plane that builds images has nothing to say here.
    if (error.code === Code.Unimplemented) return;
    throw new ConnectError(error.rawMessage, error.code);
  }
}

function stringsOf(content: Uint8Array): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, value } of fromBinary(InputsSchema, content).literals) {
    const scalar = value?.value.case === "scalar" ? value.value.value.value : undefined;
    const primitive = scalar?.case === "primitive" ? scalar.value.value : undefined;
    if (primitive?.case === "stringValue") found.set(name, primitive.value);
  }
  return found;
}
