import { at, isObject, type Json, listAt, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { age } from "./duration.ts";
import { compileJsonPath } from "./json-path.ts";
import type { Column } from "./resource-type.ts";

export function column(name: string, type: string, cell: Column["cell"], priority = 0): Column {
  return { name, type, priority, cell };
}

export const nameColumn: Column = {
  ...column("Name", "string", (object) => object.metadata.name ?? ""),
  format: "name",
  description: "Name must be unique within a namespace.",
};
export const ageColumn = column("Age", "string", (object, now) => age(object.metadata.creationTimestamp, now));

const count = (object: KubeObject, ...fields: readonly string[]): number =>
  fields.reduce((sum, field) => {
    const value = at(object, field);
    return sum + (Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0);
  }, 0);

export const plainColumns = [nameColumn, ageColumn];
export const namespaceColumns = [
  nameColumn,
  column("Status", "string", (object) => textAt(object, "status", "phase") ?? ""),
  ageColumn,
];
export const secretColumns = [
  nameColumn,
  column("Type", "string", (object) => textAt(object, "type") ?? "Opaque"),
  column("Data", "string", (object) => count(object, "data")),
  ageColumn,
];
export const configMapColumns = [
  nameColumn,
  column("Data", "string", (object) => count(object, "data", "binaryData")),
  ageColumn,
];
export const serviceAccountColumns = [
  nameColumn,
  column("Secrets", "string", (object) => listAt(object, "secrets").length),
  ageColumn,
];
export const leaseColumns = [
  nameColumn,
  column("Holder", "string", (object) => textAt(object, "spec", "holderIdentity") ?? ""),
  ageColumn,
];
export const crdColumns = [
  nameColumn,
  column("Created At", "date", (object) => object.metadata.creationTimestamp ?? ""),
];
export const eventColumns = [
  column("Last Seen", "string", (event, now) =>
    age(textAt(event, "lastTimestamp") ?? textAt(event, "eventTime") ?? textAt(event, "firstTimestamp"), now),
  ),
  column("Type", "string", (event) => textAt(event, "type") ?? ""),
  column("Reason", "string", (event) => textAt(event, "reason") ?? ""),
  column("Object", "string", (event) => {
    const kind = (textAt(event, "involvedObject", "kind") ?? "").toLowerCase();
    return `${kind}/${textAt(event, "involvedObject", "name") ?? ""}`;
  }),
  column("Message", "string", (event) => (textAt(event, "message") ?? "").trim()),
  { ...nameColumn, priority: 1 },
];

function customCell(type: string, values: readonly Json[], now: number): string | number | boolean | null {
  const [value] = values;
  if (value === undefined || value === null) return null;
  if (type === "date") return age(value, now);
  if (type === "boolean" && typeof value === "boolean") return value;
  if ((type === "integer" || type === "number") && typeof value === "number") return value;
  const texts = values.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  return texts.join(",");
}

/** The columns of a CRD version; with none declared, Name and Age. Throws a 400 on a JSONPath that is not understood. */
export function customColumns(printerColumns: readonly Json[]): readonly Column[] {
  if (printerColumns.length === 0) return plainColumns;
  const made = printerColumns.map((one): Column => {
    const type = textAt(one, "type") ?? "string";
    const path = compileJsonPath(textAt(one, "jsonPath") ?? "");
    const description = textAt(one, "description");
    const format = textAt(one, "format");
    return {
      ...column(
        textAt(one, "name") ?? "",
        type,
        (object, now) => customCell(type, path(object), now),
        Number(at(one, "priority") ?? 0),
      ),
      ...(description === undefined ? {} : { description }),
      ...(format === undefined ? {} : { format }),
    };
  });
  return [nameColumn, ...made];
}
