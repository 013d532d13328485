import type { SQLOutputValue } from "node:sqlite";
import type { KubeObject, Selectable } from "./object.ts";
import type { Change, ObjectKey, Stored } from "./store.ts";

type Row = Record<string, SQLOutputValue>;

const text = (row: Row, column: string): string => String(row[column]);

export function keyOf(row: Row): ObjectKey {
  return { resource: text(row, "resource"), namespace: text(row, "namespace"), name: text(row, "name") };
}

function selectableOf(json: string): Selectable {
  return JSON.parse(json) as Selectable;
}

export function storedOf(row: Row): Stored {
  return {
    ...keyOf(row),
    revision: Number(row.revision),
    selectable: selectableOf(text(row, "selectable")),
    json: text(row, "value"),
  };
}

export function changeOf(row: Row): Change {
  const type = text(row, "type");
  const base = { ...storedOf(row), type: type === "A" ? "ADDED" : type === "D" ? "DELETED" : "MODIFIED" } as const;
  if (row.previous_selectable === null) return base;
  const previous = { selectable: selectableOf(text(row, "previous_selectable")), json: text(row, "previous_value") };
  return { ...base, previous };
}

/** The owners' uids as one comparable text; uids hold no spaces. */
export function ownersOf(object: KubeObject): string {
  return [...new Set((object.metadata.ownerReferences ?? []).map((owner) => owner.uid))].toSorted().join(" ");
}
