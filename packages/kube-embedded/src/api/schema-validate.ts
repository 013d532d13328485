import { isDeepStrictEqual } from "node:util";
import { isObject, type Json, type JsonObject } from "../store/json.ts";
import type { FieldError } from "./api-error.ts";
import { duplicate, invalidValue, notSupported, required, tooMany, wrongType } from "./field-errors.ts";

/** A broken object names at most this many fields; the walk ends there. */
const MAX_ERRORS = 50;
/** Patterns come from CRDs; they are compiled once. The size bounds a cluster with absurdly many of them. */
const patterns = new Map<string, RegExp>();
const MAX_PATTERNS = 1000;

/** CRD patterns are Go's (RE2); what they share with ECMAScript is compiled. Throws a SyntaxError on the rest. */
export function pattern(source: string): RegExp {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  const made = compile(source);
  patterns.set(source, made);
  return made;
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    // Needless escapes such as `\-` are an error only in Unicode mode.
    if (!(error instanceof SyntaxError)) throw error;
    return new RegExp(source);
  }
}

function hasType(value: Json, type: string): boolean {
  if (type === "integer") return typeof value === "number" && Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "null") return value === null;
  return typeof value === type;
}

function stringErrors(value: string, schema: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  // Characters, not UTF-16 units.
  const length = Array.from(value).length;
  if (typeof schema.maxLength === "number" && length > schema.maxLength) {
    errors.push({ type: "FieldValueTooLong", field, message: `Too long: may not be longer than ${schema.maxLength}` });
  }
  if (typeof schema.minLength === "number" && length < schema.minLength) {
    errors.push(invalidValue(field, value, `${field} in body should be at least ${schema.minLength} chars long`));
  }
  if (typeof schema.pattern === "string" && !pattern(schema.pattern).test(value)) {
    errors.push(invalidValue(field, value, `${field} in body should match '${schema.pattern}'`));
  }
  if (
    schema.format === "date-time" &&
    !(/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d/.test(value) && Number.isFinite(Date.parse(value)))
  ) {
    errors.push(invalidValue(field, value, `${field} in body must be of type date-time: "${value.slice(0, 64)}"`));
  }
  if (schema.format === "byte" && !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    errors.push(invalidValue(field, value, `${field} in body must be of type byte`));
  }
  return errors;
}

function numberErrors(value: number, schema: JsonObject, field: string): FieldError[] {
  const { minimum, maximum, multipleOf } = schema;
  const errors: FieldError[] = [];
  const low = typeof minimum === "number" && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum);
  const high = typeof maximum === "number" && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum);
  if (low) errors.push(invalidValue(field, value, `${field} in body should be greater than or equal to ${minimum}`));
  if (high) errors.push(invalidValue(field, value, `${field} in body should be less than or equal to ${maximum}`));
  if (typeof multipleOf === "number" && value % multipleOf !== 0) {
    errors.push(invalidValue(field, value, `${field} in body should be a multiple of ${multipleOf}`));
  }
  if (schema.format === "int32" && (value < -(2 ** 31) || value >= 2 ** 31)) {
    errors.push(invalidValue(field, value, `${field} in body must be of type int32`));
  }
  return errors;
}

function listErrors(value: Json[], schema: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof schema.maxItems === "number" && value.length > schema.maxItems)
    errors.push(tooMany(field, value.length, schema.maxItems));
  if (typeof schema.minItems === "number" && value.length < schema.minItems) {
    errors.push(invalidValue(field, value.length, `${field} in body should have at least ${schema.minItems} items`));
  }
  const keys = schema["x-kubernetes-list-map-keys"];
  const kind = schema["x-kubernetes-list-type"];
  if (kind === "set" || (kind === "map" && Array.isArray(keys))) {
    const seen = new Set<string>();
    for (const [n, item] of value.entries()) {
      const id = JSON.stringify(
        kind === "map" && Array.isArray(keys) && isObject(item)
          ? keys.map((key) => (typeof key === "string" ? item[key] : undefined) ?? null)
          : item,
      );
      if (seen.has(id)) errors.push(duplicate(`${field}[${n}]`, JSON.parse(id) as Json));
      seen.add(id);
    }
  }
  for (const [n, item] of value.entries())
    if (errors.length < MAX_ERRORS) errors.push(...validate(item, schema.items, `${field}[${n}]`));
  return errors;
}

function objectErrors(value: JsonObject, schema: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const under = (key: string): string => (field === "" ? key : `${field}.${key}`);
  for (const key of Array.isArray(schema.required) ? schema.required : []) {
    if (typeof key === "string" && value[key] === undefined) errors.push(required(under(key)));
  }
  const count = Object.keys(value).length;
  if (typeof schema.maxProperties === "number" && count > schema.maxProperties)
    errors.push(tooMany(field, count, schema.maxProperties));
  if (typeof schema.minProperties === "number" && count < schema.minProperties) {
    errors.push(invalidValue(field, count, `${field} in body should have at least ${schema.minProperties} properties`));
  }
  const properties = isObject(schema.properties) ? schema.properties : {};
  for (const [key, one] of Object.entries(value)) {
    if (one === undefined || errors.length >= MAX_ERRORS) continue;
    const property = Object.hasOwn(properties, key) ? properties[key] : schema.additionalProperties;
    errors.push(...validate(one, property, under(key)));
  }
  return errors;
}

function combinationErrors(value: Json, schema: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const passes = (one: Json): boolean => validate(value, one, field).length === 0;
  const { anyOf, oneOf, allOf, not } = schema;
  if (Array.isArray(allOf)) errors.push(...allOf.flatMap((one) => validate(value, one, field)));
  if (Array.isArray(anyOf) && !anyOf.some(passes))
    errors.push(invalidValue(field, value, `${field} in body must validate at least one schema (anyOf)`));
  if (Array.isArray(oneOf) && oneOf.filter(passes).length !== 1)
    errors.push(invalidValue(field, value, `${field} in body must validate one and only one schema (oneOf)`));
  if (isObject(not) && passes(not))
    errors.push(invalidValue(field, value, `${field} in body must not validate the schema (not)`));
  return errors;
}

/** Validates against an OpenAPI v3 schema as CRDs use it; every error names its field. CEL rules are not evaluated. */
export function validate(value: Json, schema: Json | undefined, field = ""): FieldError[] {
  if (!isObject(schema)) return [];
  if (value === null && schema.nullable === true) return [];
  const errors: FieldError[] = [];
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (!hasType(value, "integer") && typeof value !== "string") return [wrongType(field, value, "integer or string")];
  } else if (typeof schema.type === "string" && !hasType(value, schema.type))
    return [wrongType(field, value, schema.type)];
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isDeepStrictEqual(one, value))) {
    errors.push(notSupported(field, value, schema.enum));
  }
  if (typeof value === "string") errors.push(...stringErrors(value, schema, field));
  else if (typeof value === "number") errors.push(...numberErrors(value, schema, field));
  else if (Array.isArray(value)) errors.push(...listErrors(value, schema, field));
  else if (isObject(value)) errors.push(...objectErrors(value, schema, field));
  errors.push(...combinationErrors(value, schema, field));
  return errors.slice(0, MAX_ERRORS);
}
