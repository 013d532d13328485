/** Values of the simple types as text: in files, and in place of `{{.inputs.name}}`. */
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
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
    case SimpleType.DURATION: {
      const value = durationOf(trimmed);
      if (value === undefined) throw wrong("duration (12.5s, 1:02:03, 2 days, 1:02:03)");
      return { case: "duration", value };
    }
    default:
      throw new Error(`values of type number ${type} can not be read from a file`);
  }
}

/** As inputs have it (`12.5s`), and as Python's `str(timedelta)` does. */
function durationOf(text: string): Duration | undefined {
  const [inSeconds, sign = "", seconds = "0", fraction = ""] = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text) ?? [];
  if (inSeconds !== undefined) return duration(sign === "-" ? -1 : 1, Number(seconds), fraction);
  const [whole, days = "0", hours, minutes, rest, micros = ""] =
    /^(?:(-?\d{1,9}) days?, )?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const total = Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(rest);
  if (total >= 0 || micros === "") return duration(total < 0 ? -1 : 1, Math.abs(total), micros);
  // Python counts the rest forward from a negative number of days; a Duration has one sign for both parts.
  return duration(-1, -total - 1, String(1_000_000 - Number(micros.padEnd(6, "0"))).padStart(6, "0"));
}

/** In whole numbers: a fraction of a nanosecond can not be written. */
function duration(sign: number, seconds: number, fraction: string): Duration {
  const nanos = sign * Number(fraction.padEnd(9, "0"));
  return create(DurationSchema, { seconds: BigInt(sign * seconds), nanos: nanos === 0 ? 0 : nanos });
}
