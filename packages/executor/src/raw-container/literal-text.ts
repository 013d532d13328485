/** Values of the simple types as text: in files, and in place of `{{.inputs.name}}`. */
import { create } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Literal, LiteralSchema, type Primitive } from "@homeplane/idl/flyteidl2/core/literals";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";

/** `undefined`: it is no simple value. */
export function textOf({ value }: Literal): string | undefined {
  if (value.case !== "scalar") return undefined;
  const scalar = value.value.value;
  if (scalar.case === "generic") return JSON.stringify(scalar.value);
  if (scalar.case === "noneType") return "";
  const primitive = scalar.case === "primitive" ? scalar.value.value : undefined;
  switch (primitive?.case) {
    case "datetime":
      return timestampDate(primitive.value).toISOString();
    case "duration":
      return `${Number(primitive.value.seconds) + primitive.value.nanos / 1e9}s`;
    case undefined:
      return undefined;
    default:
      return String(primitive?.value);
  }
}

/** Throws a sentence when the text is no value of that type. */
export function literalOf(type: SimpleType, text: string): Literal {
  return create(LiteralSchema, {
    value: { case: "scalar", value: { value: { case: "primitive", value: { value: primitiveOf(type, text) } } } },
  });
}

function primitiveOf(type: SimpleType, text: string): NonNullable<Primitive["value"]> {
  const trimmed = text.trim();
  const wrong = (what: string): Error => new Error(`"${trimmed.slice(0, 100)}" is no ${what}`);
  switch (type) {
    case SimpleType.STRING:
      return { case: "stringValue", value: text };
    case SimpleType.INTEGER:
      if (!/^[-+]?\d{1,19}$/.test(trimmed)) throw wrong("integer");
      return { case: "integer", value: BigInt(trimmed) };
    case SimpleType.FLOAT:
      if (trimmed === "" || Number.isNaN(Number(trimmed))) throw wrong("number");
      return { case: "floatValue", value: Number(trimmed) };
    case SimpleType.BOOLEAN:
      if (!/^(?:true|false)$/i.test(trimmed)) throw wrong("boolean (true, false)");
      return { case: "boolean", value: trimmed.toLowerCase() === "true" };
    case SimpleType.DATETIME:
      if (Number.isNaN(Date.parse(trimmed))) throw wrong("time (ISO 8601)");
      return { case: "datetime", value: timestampFromDate(new Date(trimmed)) };
    default:
      throw new Error(`values of type number ${type} can not be read from a file`);
  }
}
