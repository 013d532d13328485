import { at, isObject, type Json, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import type { FieldError } from "./api-error.ts";
import { forbiddenField, invalidValue, required, tooLong, wrongType } from "./field-errors.ts";
import type { ResourceType } from "./resource-type.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const MAX_ANNOTATIONS = 256 * 1024;

export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text);
}

export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && SUBDOMAIN.test(text);
}

const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

function isQualifiedName(text: string): boolean {
  const parts = text.split("/");
  const name = parts.pop() ?? "";
  const prefix = parts.pop();
  return (
    parts.length === 0 && name.length <= 63 && QUALIFIED.test(name) && (prefix === undefined || isDnsSubdomain(prefix))
  );
}

function stringMap(value: Json | undefined, field: string): [FieldError[], [string, string][]] {
  if (value === undefined || value === null) return [[], []];
  if (typeof value !== "object" || Array.isArray(value)) return [[wrongType(field, value, "object")], []];
  const errors: FieldError[] = [];
  const entries: [string, string][] = [];
  for (const [key, one] of Object.entries(value)) {
    if (typeof one === "string") entries.push([key, one]);
    else errors.push(wrongType(`${field}.${key}`, one, "string"));
  }
  return [errors, entries];
}

function ownerErrors(object: KubeObject): FieldError[] {
  const owners: Json | undefined = object.metadata.ownerReferences;
  if (owners === undefined) return [];
  if (!Array.isArray(owners)) return [wrongType("metadata.ownerReferences", owners, "array")];
  const errors = owners.flatMap((owner: Json, index) => {
    const field = `metadata.ownerReferences[${index}]`;
    if (!isObject(owner)) return [wrongType(field, owner, "object")];
    const parts = ["apiVersion", "kind", "name", "uid"].filter((part) => (textAt(owner, part) ?? "") === "");
    return parts.map((part) => required(`${field}.${part}`, "must not be empty"));
  });
  const controllers = owners.filter((owner: Json) => at(owner, "controller") === true);
  if (controllers.length > 1)
    errors.push(
      invalidValue(
        "metadata.ownerReferences",
        controllers.length,
        "Only one reference can have Controller set to true",
      ),
    );
  return errors;
}

export function validateMetadata(object: KubeObject, type: ResourceType, before: KubeObject | undefined): FieldError[] {
  const meta = object.metadata;
  const errors: FieldError[] = ownerErrors(object);
  const name = meta.name ?? "";
  const nameOk = type.plural === "namespaces" && type.group === "" ? isDnsLabel(name) : isDnsSubdomain(name);
  if (before === undefined && !nameOk) errors.push(invalidValue("metadata.name", name, SUBDOMAIN_HELP));
  const [labelErrors, labels] = stringMap(meta.labels, "metadata.labels");
  const [annotationErrors, annotations] = stringMap(meta.annotations, "metadata.annotations");
  errors.push(...labelErrors, ...annotationErrors);
  for (const [key, value] of labels) {
    if (!isQualifiedName(key))
      errors.push(
        invalidValue("metadata.labels", key, "name part must consist of alphanumeric characters, '-', '_' or '.'"),
      );
    if (value.length > 63 || (value !== "" && !QUALIFIED.test(value))) {
      errors.push(
        invalidValue(
          "metadata.labels",
          value,
          "a valid label must be an empty string or consist of at most 63 alphanumeric characters, '-', '_' or '.'",
        ),
      );
    }
  }
  let size = 0;
  for (const [key, value] of annotations) {
    size += key.length + value.length;
    if (!isQualifiedName(key.toLowerCase()))
      errors.push(
        invalidValue("metadata.annotations", key, "name part must consist of alphanumeric characters, '-', '_' or '.'"),
      );
  }
  if (size > MAX_ANNOTATIONS) errors.push(tooLong("metadata.annotations", MAX_ANNOTATIONS));
  const finalizers: Json = meta.finalizers ?? [];
  if (!Array.isArray(finalizers)) errors.push(wrongType("metadata.finalizers", finalizers, "array"));
  else {
    for (const [index, finalizer] of finalizers.entries()) {
      if (typeof finalizer !== "string" || !isQualifiedName(finalizer)) {
        errors.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, "must be a qualified name"));
      }
    }
    const had = new Set(before?.metadata.finalizers ?? []);
    if (
      before?.metadata.deletionTimestamp !== undefined &&
      finalizers.some((one) => typeof one === "string" && !had.has(one))
    ) {
      errors.push(
        forbiddenField("metadata.finalizers", "no new finalizers can be added if the object is being deleted"),
      );
    }
  }
  return errors;
}
