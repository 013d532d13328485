import { plainColumns } from "./columns.ts";
import type { ResourceType } from "./resource-type.ts";

const base = {
  group: "",
  version: "v1",
  shortNames: [],
  categories: [],
  namespaced: true,
  hasStatus: false,
  hasGeneration: false,
  unconditionalUpdate: true,
  custom: false,
  columns: plainColumns,
  strategy: {},
  subresources: [],
  selectableFields: () => ({}),
} as const;

/** A kind that is served without a definition; what `more` does not say is as most kinds have it. */
export function builtin(kind: string, more: Partial<ResourceType>): ResourceType {
  const singular = kind.toLowerCase();
  const plural = more.plural ?? `${singular}s`;
  return { ...base, kind, listKind: `${kind}List`, singular, ...more, plural };
}
