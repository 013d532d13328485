import { messageOf } from "@homeplane/runtime-kit";
import { at, isObject, type Json, listAt, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { ApiError, type FieldError } from "./api-error.ts";
import { customColumns } from "./columns.ts";
import { forbiddenField, invalidValue, notSupported, required } from "./field-errors.ts";
import { compileJsonPath } from "./json-path.ts";
import { isDnsLabel, isDnsSubdomain } from "./metadata-rules.ts";
import { pattern } from "./schema-validate.ts";
import type { ResourceType, Strategy } from "./resource-type.ts";

export const CRD_RESOURCE = "customresourcedefinitions.apiextensions.k8s.io";
/** Holds a deleted CRD until its custom resources are gone. */
export const CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

const MAX_SCHEMA_DEPTH = 64;

const strings = (list: readonly Json[]): string[] => list.filter((one) => typeof one === "string");

function fillNames(crd: KubeObject): void {
  const names = at(crd, "spec", "names");
  if (!isObject(names) || typeof names.kind !== "string") return;
  names.singular ??= names.kind.toLowerCase();
  names.listKind ??= `${names.kind}List`;
}

function columnErrors(version: Json, field: string): FieldError[] {
  return listAt(version, "additionalPrinterColumns").flatMap((one, n) => {
    try {
      compileJsonPath(textAt(one, "jsonPath") ?? "");
      return [];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return [invalidValue(`${field}.additionalPrinterColumns[${n}].jsonPath`, at(one, "jsonPath"), error.message)];
    }
  });
}

/** Patterns that can not be compiled are refused here, not met by every object. */
function patternErrors(schema: Json | undefined, field: string, depth = 0): FieldError[] {
  if (!isObject(schema) || depth > MAX_SCHEMA_DEPTH) return [];
  const errors: FieldError[] = [];
  if (typeof schema.pattern === "string") {
    try {
      pattern(schema.pattern);
    } catch (error) {
      errors.push(invalidValue(`${field}.pattern`, schema.pattern, messageOf(error)));
    }
  }
  const properties = isObject(schema.properties) ? schema.properties : {};
  for (const [key, one] of Object.entries(properties))
    errors.push(...patternErrors(one, `${field}.properties[${key}]`, depth + 1));
  for (const key of ["items", "additionalProperties"])
    errors.push(...patternErrors(schema[key], `${field}.${key}`, depth + 1));
  return errors;
}

function versionErrors(crd: KubeObject): FieldError[] {
  const versions = listAt(crd, "spec", "versions");
  if (versions.length === 0) return [required("spec.versions")];
  const errors = versions.flatMap((version, n) => {
    const field = `spec.versions[${n}]`;
    const found = columnErrors(version, field);
    found.push(...patternErrors(at(version, "schema", "openAPIV3Schema"), `${field}.schema.openAPIV3Schema`));
    if (!isDnsLabel(textAt(version, "name") ?? ""))
      found.push(invalidValue(`${field}.name`, at(version, "name"), "a DNS label is needed"));
    if (at(version, "schema", "openAPIV3Schema", "type") !== "object") {
      found.push(required(`${field}.schema.openAPIV3Schema`, "schemas are required, with type object"));
    }
    return found;
  });
  if (versions.filter((one) => at(one, "storage") === true).length !== 1) {
    errors.push(
      invalidValue("spec.versions", versions.length, "must have exactly one version marked as storage version"),
    );
  }
  return errors;
}

export const crdStrategy: Strategy = {
  prepareCreate(crd, now) {
    fillNames(crd);
    crd.metadata.finalizers = [...new Set([...(crd.metadata.finalizers ?? []), CRD_FINALIZER])];
    const stored = listAt(crd, "spec", "versions").find((one) => at(one, "storage") === true);
    const condition = (type: string, reason: string, message: string): Json => ({
      type,
      status: "True",
      lastTransitionTime: now,
      reason,
      message,
    });
    crd.status = {
      conditions: [
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
      acceptedNames: at(crd, "spec", "names") ?? {},
      storedVersions: strings([textAt(stored, "name") ?? ""]),
    };
  },
  prepareUpdate(crd) {
    fillNames(crd);
    const stored = listAt(crd, "spec", "versions").find((one) => at(one, "storage") === true);
    if (!isObject(crd.status)) return;
    const known = strings(listAt(crd, "status", "storedVersions"));
    crd.status.acceptedNames = at(crd, "spec", "names") ?? {};
    crd.status.storedVersions = [...new Set([...known, ...strings([textAt(stored, "name") ?? ""])])];
  },
  validate(crd, before) {
    const group = textAt(crd, "spec", "group") ?? "";
    const plural = textAt(crd, "spec", "names", "plural") ?? "";
    const scope = textAt(crd, "spec", "scope");
    const errors = versionErrors(crd);
    if (!isDnsSubdomain(group) || !group.includes("."))
      errors.push(invalidValue("spec.group", group, "should be a domain with at least one dot"));
    // Kubernetes' own groups; a definition there would take the place of a built-in kind.
    if (group.endsWith(".k8s.io")) errors.push(forbiddenField("spec.group", "*.k8s.io is protected"));
    if (plural === "") errors.push(required("spec.names.plural"));
    if (!textAt(crd, "spec", "names", "kind")) errors.push(required("spec.names.kind"));
    if (scope !== "Namespaced" && scope !== "Cluster")
      errors.push(notSupported("spec.scope", scope, ["Cluster", "Namespaced"]));
    if (crd.metadata.name !== `${plural}.${group}`) {
      errors.push(invalidValue("metadata.name", crd.metadata.name, 'must be spec.names.plural+"."+spec.group'));
    }
    if (before !== undefined && textAt(before, "spec", "scope") !== scope)
      errors.push(invalidValue("spec.scope", scope, "field is immutable"));
    return errors;
  },
};

/** The resource types, one per served version, that a CRD (as validated by {@link crdStrategy}) defines. */
export function typesOfCrd(crd: KubeObject): ResourceType[] {
  const names = at(crd, "spec", "names");
  const text = (field: string): string => textAt(names, field) ?? "";
  return listAt(crd, "spec", "versions")
    .filter((version) => at(version, "served") === true)
    .map((version): ResourceType => {
      const schema = at(version, "schema", "openAPIV3Schema");
      return {
        group: textAt(crd, "spec", "group") ?? "",
        version: textAt(version, "name") ?? "",
        plural: text("plural"),
        singular: text("singular"),
        kind: text("kind"),
        listKind: text("listKind"),
        shortNames: strings(listAt(names, "shortNames")),
        categories: strings(listAt(names, "categories")),
        namespaced: textAt(crd, "spec", "scope") === "Namespaced",
        hasStatus: isObject(at(version, "subresources", "status")),
        hasGeneration: true,
        unconditionalUpdate: false,
        custom: true,
        columns: customColumns(listAt(version, "additionalPrinterColumns")),
        strategy: {},
        ...(isObject(schema) ? { schema } : {}),
        subresources: [],
        selectableFields: (object) =>
          Object.fromEntries(
            listAt(version, "selectableFields").map((one) => {
              const path = textAt(one, "jsonPath") ?? "";
              const value = at(object, ...path.split(".").slice(1));
              return [
                path.slice(1),
                typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value),
              ];
            }),
          ),
      };
    });
}
