/** Inputs that a raw container's command line names (`{{.inputs.name}}`): read before its pod is made. */
import { fromBinary } from "@bufbuild/protobuf";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { type ObjectStore, parseNativeUrl, readAll } from "@homeplane/object-store";
import { inputPlaceholder } from "../pod/arguments.ts";
import { InvalidSpecError, type PodContext } from "../pod/task.ts";
import { textOf } from "../raw-container/literal-text.ts";

/** A command line of more is refused by every kernel. */
const maxInputsBytes = 1 << 20;

export async function namedInputs(
  store: ObjectStore,
  { template: { target }, taskAction }: Pick<PodContext, "template" | "taskAction">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const program = target.case === "container" ? [...target.value.command, ...target.value.args] : [];
  const names = new Set(program.flatMap((part) => [...part.matchAll(inputPlaceholder)].map(([, name = ""]) => name)));
  if (names.size === 0) return new Map();
  const { bucket, key } = parseNativeUrl(taskAction.spec.inputUri ?? "");
  const { body } = await store.get(bucket, key, { signal });
  const { literals } = fromBinary(InputsSchema, await readAll(body, maxInputsBytes));
  const found = new Map<string, string>();
  for (const name of names) {
    const literal = literals.find((one) => one.name === name)?.value;
    const text = literal === undefined ? undefined : textOf(literal);
    if (text === undefined) {
      const why = literal === undefined ? "is no input" : "is no simple value: name its file in the input folder";
      throw new InvalidSpecError("taskTemplate.container.args", `{{.inputs.${name}}} ${why}`);
    }
    found.set(name, text);
  }
  return found;
}
