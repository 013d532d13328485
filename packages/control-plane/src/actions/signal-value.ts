/** From what a client sends to the value that the waiting task gets. Pure. */
import { create } from "@bufbuild/protobuf";
import { type Literal, LiteralSchema, type Primitive } from "@homeplane/idl/flyteidl2/core/literals";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import type { ConditionAction } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { EventPayload } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { invalid } from "../services/identifiers.ts";

/** It is kept in the status of a resource and in each answer about the action. */
const maxStringBytes = 64 << 10;

const names: ReadonlyMap<number, string> = new Map([
  [SimpleType.BOOLEAN, "bool_value"],
  [SimpleType.INTEGER, "int_value"],
  [SimpleType.FLOAT, "float_value"],
  [SimpleType.STRING, "string_value"],
]);

/** Throws INVALID_ARGUMENT when the value is not of the condition's type. */
export function literalOf(payload: EventPayload | undefined, { name, type }: ConditionAction): Literal {
  const simple = type?.type.case === "simple" ? type.type.value : SimpleType.NONE;
  const value = primitiveOf(payload?.value ?? { case: undefined }, simple);
  if (value === undefined)
    throw invalid("payload", `condition "${name}" takes ${names.get(simple) ?? "no value that can be sent"}`);
  return create(LiteralSchema, {
    value: { case: "scalar", value: { value: { case: "primitive", value: { value } } } },
  });
}

function primitiveOf(value: EventPayload["value"], simple: SimpleType): Primitive["value"] | undefined {
  if (simple === SimpleType.BOOLEAN && value.case === "boolValue") return { case: "boolean", value: value.value };
  if (simple === SimpleType.INTEGER && value.case === "intValue") return { case: "integer", value: value.value };
  if (simple === SimpleType.FLOAT && value.case === "floatValue") return value;
  // Python's 3 is a float wherever one is wanted; past 2^53 it would be another number.
  if (simple === SimpleType.FLOAT && value.case === "intValue" && BigInt(Number(value.value)) === value.value)
    return { case: "floatValue", value: Number(value.value) };
  if (simple !== SimpleType.STRING || value.case !== "stringValue") return undefined;
  const bytes = Buffer.byteLength(value.value);
  if (bytes > maxStringBytes)
    throw invalid(
      "payload.string_value",
      `is ${bytes} bytes, the limit is ${maxStringBytes}: send the address of a file`,
    );
  return value;
}
