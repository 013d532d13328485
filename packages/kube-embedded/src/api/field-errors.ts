import type { Json } from "../store/json.ts";
import type { FieldError } from "./api-error.ts";

/** The words of Kubernetes' `field.Error`, because people and programs search for them. */
function show(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "null";
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

export function required(field: string, detail = ""): FieldError {
  return { type: "FieldValueRequired", field, message: detail === "" ? "Required value" : `Required value: ${detail}` };
}

export function invalidValue(field: string, value: Json | undefined, detail: string): FieldError {
  return { type: "FieldValueInvalid", field, message: `Invalid value: ${show(value)}: ${detail}` };
}

export function wrongType(field: string, value: Json | undefined, wanted: string): FieldError {
  const is = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const detail = `${field} in body must be of type ${wanted}: "${is}"`;
  return { type: "FieldValueTypeInvalid", field, message: `Invalid value: "${is}": ${detail}` };
}

export function duplicate(field: string, value: Json | undefined): FieldError {
  return { type: "FieldValueDuplicate", field, message: `Duplicate value: ${show(value)}` };
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { type: "FieldValueForbidden", field, message: `Forbidden: ${detail}` };
}

export function notSupported(field: string, value: Json | undefined, allowed: readonly Json[]): FieldError {
  const words = allowed.map((one) => show(one)).join(", ");
  return {
    type: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${show(value)}: supported values: ${words}`,
  };
}

/** A name of something that is not there. */
export function notFound(field: string, value: Json | undefined): FieldError {
  return { type: "FieldValueNotFound", field, message: `Not found: ${show(value)}` };
}

export function tooLong(field: string, limit: number): FieldError {
  return { type: "FieldValueTooLong", field, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(field: string, count: number, limit: number): FieldError {
  return { type: "FieldValueTooMany", field, message: `Too many: ${count}: must have at most ${limit} items` };
}
