import { at, isObject, type Json, type JsonObject } from "../store/json.ts";
import { deepCopy } from "../store/object.ts";

const ROOT_FIELDS = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Pruning and defaulting of structural schemas
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning).
 * Changes `value` in place and returns the paths of the fields that it took out.
 */
export function prune(value: Json | undefined, schema: Json | undefined, path = ""): string[] {
  if (at(schema, "x-kubernetes-preserve-unknown-fields") === true && at(schema, "properties") === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item, n) => prune(item, at(schema, "items"), `${path}[${n}]`));
  if (!isObject(value)) return [];
  const properties = at(schema, "properties");
  const additional = at(schema, "additionalProperties");
  const keep = at(schema, "x-kubernetes-preserve-unknown-fields") === true;
  const embedded = path === "" || at(schema, "x-kubernetes-embedded-resource") === true;
  const removed: string[] = [];
  for (const key of Object.keys(value)) {
    if (embedded && ROOT_FIELDS.has(key)) continue;
    const here = path === "" ? key : `${path}.${key}`;
    const known = at(properties, key);
    if (known !== undefined) removed.push(...prune(value[key], known, here));
    else if (isObject(additional)) removed.push(...prune(value[key], additional, here));
    else if (additional !== true && !keep) {
      delete value[key];
      removed.push(here);
    }
  }
  return removed;
}

export function applyDefaults(value: Json | undefined, schema: Json | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) applyDefaults(item, at(schema, "items"));
    return;
  }
  if (!isObject(value)) return;
  const properties = at(schema, "properties");
  if (isObject(properties)) {
    for (const [key, property] of Object.entries(properties)) {
      const preset = at(property, "default");
      const missing = value[key] === undefined || (value[key] === null && at(property, "nullable") !== true);
      if (missing && preset !== undefined) value[key] = deepCopy(preset);
      else if (missing && value[key] === null) delete value[key];
      applyDefaults(value[key], property);
    }
  }
  const additional = at(schema, "additionalProperties");
  if (isObject(additional))
    for (const [key, one] of Object.entries(value))
      if (at(properties, key) === undefined) applyDefaults(one, additional);
}

/** The schema keys that this server does not evaluate; a CRD that uses one is accepted with a warning to the client. */
export function unevaluated(schema: Json | undefined, found = new Set<string>(), depth = 0): Set<string> {
  if (!isObject(schema) || depth > 64) return found;
  if (schema["x-kubernetes-validations"] !== undefined) found.add("x-kubernetes-validations");
  const children: JsonObject = isObject(schema.properties) ? schema.properties : {};
  for (const child of Object.values(children)) unevaluated(child, found, depth + 1);
  unevaluated(schema.items, found, depth + 1);
  unevaluated(schema.additionalProperties, found, depth + 1);
  return found;
}
