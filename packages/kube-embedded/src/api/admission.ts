import { isObject, textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import type { Write } from "../store/store.ts";
import { ApiError, badRequest, forbidden, invalid, notFound, pathNotFound } from "./api-error.ts";
import type { Call } from "./context.ts";
import { validateMetadata } from "./metadata-rules.ts";
import { CRD_RESOURCE } from "./crd.ts";
import { type ResourceType, resourceKey } from "./resource-type.ts";
import { applyDefaults, prune, unevaluated } from "./schema-prune.ts";
import { validate } from "./schema-validate.ts";

const NAMESPACE_SUBJECT = { group: "", plural: "namespaces", kind: "Namespace" };

/**
 * The namespace must exist and must not be on its way out. The returned check makes that part of the create's transaction,
 * so that nothing can appear in a namespace after it was found empty.
 */
export async function namespaceCheck(call: Call, name: string): Promise<Write[]> {
  const { type, path, context } = call;
  if (!type.namespaced) return [];
  const key = { resource: "namespaces", namespace: "", name: path.namespace };
  const stored = await context.store.get(key);
  if (stored === undefined) throw notFound(NAMESPACE_SUBJECT, path.namespace);
  const namespace = parseObject(stored.json);
  if (namespace.metadata.deletionTimestamp !== undefined) {
    const why = `unable to create new content in namespace ${path.namespace} because it is being terminated`;
    throw forbidden(type, name, why, [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${path.namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ]);
  }
  return [{ op: "check", key, expected: stored.revision }];
}

/** As for namespaces: nothing of a kind can appear after its definition was found to have no more objects. */
export async function definitionCheck(call: Call): Promise<Write[]> {
  if (!call.type.custom) return [];
  const key = { resource: CRD_RESOURCE, namespace: "", name: resourceKey(call.type) };
  const stored = await call.context.store.get(key);
  if (stored === undefined) throw pathNotFound();
  if (parseObject(stored.json).metadata.deletionTimestamp !== undefined) {
    throw new ApiError(
      405,
      "MethodNotAllowed",
      "create not allowed while custom resource definition is terminating",
      {},
    );
  }
  return [{ op: "check", key, expected: stored.revision }];
}

/** The name and namespace of the body must be those of the path. */
export function alignWithPath(call: Call, object: KubeObject): void {
  const { type, path } = call;
  const meta = object.metadata;
  if (type.namespaced) {
    if (meta.namespace !== undefined && meta.namespace !== path.namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${meta.namespace}, ${path.namespace})`,
      );
    }
    meta.namespace = path.namespace;
  } else delete meta.namespace;
  if (path.name === "") return;
  if (meta.name !== undefined && meta.name !== path.name) {
    throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${path.name})`);
  }
  meta.name = path.name;
}

/** Prunes and defaults custom resources; unknown fields are reported as the client asked with `fieldValidation`. */
export function applySchema(call: Call, object: KubeObject): void {
  const { schema } = call.type;
  if (schema === undefined) return;
  const unknown = prune(object, schema);
  const mode = call.query.get("fieldValidation") ?? "Warn";
  const texts = unknown.slice(0, 20).map((field) => `unknown field "${field}"`);
  if (texts.length > 0 && mode === "Strict") {
    throw badRequest(
      `${call.type.kind} in version "${call.type.version}" cannot be handled as a ${call.type.kind}: strict decoding error: ${texts.join(", ")}`,
    );
  }
  if (mode === "Warn") call.warnings.push(...texts);
  applyDefaults(object, schema);
}

/** Everything that can be wrong with an object, in one 422. */
export function validateObject(type: ResourceType, object: KubeObject, before: KubeObject | undefined): void {
  const errors = validateMetadata(object, type, before);
  if (type.schema !== undefined) errors.push(...validate(object, type.schema));
  if (errors.length === 0) errors.push(...(type.strategy.validate?.(object, before) ?? []));
  // A built-in kind is decoded into a type of Go before it is validated: what does not fit there never gets to be invalid.
  const undecodable = type.custom ? undefined : errors.find((error) => error.type === "FieldValueTypeInvalid");
  if (undecodable !== undefined)
    throw badRequest(
      `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${undecodable.message}`,
    );
  if (errors.length > 0) throw invalid(type, object.metadata.name ?? "", errors);
}

export function warnUnevaluated(call: Call, object: KubeObject): void {
  if (call.type.kind !== "CustomResourceDefinition") return;
  const versions = isObject(object.spec) && Array.isArray(object.spec.versions) ? object.spec.versions : [];
  for (const version of versions) {
    const schema = isObject(version) && isObject(version.schema) ? version.schema.openAPIV3Schema : undefined;
    for (const key of unevaluated(schema)) {
      call.warnings.push(`version ${textAt(version, "name") ?? ""}: ${key} is kept but not evaluated by this server`);
    }
  }
}
