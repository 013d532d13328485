import { isDeepStrictEqual } from "node:util";
import { isObject, type Json } from "../store/json.ts";
import { deepCopy, type KubeObject, parseObject } from "../store/object.ts";
import type { Stored } from "../store/store.ts";
import { alignWithPath, applySchema, validateObject } from "./admission.ts";
import { badRequest, conflict, invalid, STALE, unsupportedMediaType } from "./api-error.ts";
import { asKubeObject, mediaType, parseJson, readObject } from "./body.ts";
import { commitOne, retryRaces } from "./commit.ts";
import type { Call } from "./context.ts";
import { invalidValue } from "./field-errors.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch } from "./merge-patch.ts";
import { getStored, keyOfCall } from "./reads.ts";
import type { ApiResponse } from "./request.ts";
import { strategicPatch } from "./strategic-patch.ts";
import { inVersion, objectResponse } from "./view.ts";

/** What the server owns, or what this subresource may not touch, comes from the stored object. */
function keepOwned(call: Call, next: KubeObject, before: KubeObject): KubeObject {
  const { type, path } = call;
  let object = next;
  if (path.subresource === "status") {
    const status = next.status;
    object = deepCopy(before);
    if (status === undefined) delete object.status;
    else object.status = status;
  } else if (type.hasStatus) {
    if (before.status === undefined) delete object.status;
    else object.status = before.status;
  }
  const meta = object.metadata;
  const old = before.metadata;
  meta.uid ??= old.uid ?? "";
  for (const field of [
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
    "generation",
    "creationTimestamp",
  ] as const) {
    if (old[field] === undefined) delete meta[field];
    else Object.assign(meta, { [field]: old[field] });
  }
  return object;
}

function withoutStatus(object: KubeObject): Json {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}

function bumpGeneration(call: Call, object: KubeObject, before: KubeObject): void {
  if (!call.type.hasGeneration || isDeepStrictEqual(withoutStatus(object), withoutStatus(before))) return;
  object.metadata.generation = (before.metadata.generation ?? 0) + 1;
}

/** An object whose last finalizer goes while it is being deleted is gone, unless a pod's grace is still running. */
function isFinished(object: KubeObject): boolean {
  // A namespace goes when its contents have gone, which the garbage collector sees to.
  if (object.kind === "Namespace" && object.apiVersion === "v1") return false;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0;
}

/** A uid is a precondition of an update, but only an unchangeable field to a patch; for the status of a custom resource it is neither. */
function checkUid(call: Call, next: KubeObject, before: KubeObject): void {
  const { uid } = next.metadata;
  const { type, path, request } = call;
  if (uid === undefined || uid === before.metadata.uid) return;
  if (request.method !== "PATCH") {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ""}`;
    throw conflict(type, path.name, why);
  }
  if (type.custom && path.subresource === "status") return;
  throw invalid(type, path.name, [invalidValue("metadata.uid", uid, "field is immutable")]);
}

/** Stores `next` in place of `stored`; `next.metadata.resourceVersion`, if any, must be the stored one. */
async function replace(call: Call, stored: Stored, next: KubeObject): Promise<ApiResponse> {
  const { type } = call;
  const before = parseObject(inVersion(stored.json, type));
  const name = stored.name;
  const { resourceVersion } = next.metadata;
  if (resourceVersion !== undefined && resourceVersion !== String(stored.revision)) throw conflict(type, name, STALE);
  checkUid(call, next, before);
  applySchema(call, next);
  const object = keepOwned(call, next, before);
  if (call.path.subresource === "") type.strategy.prepareUpdate?.(object, before);
  object.metadata.resourceVersion = String(stored.revision);
  bumpGeneration(call, object, before);
  validateObject(type, object, before);
  if (isDeepStrictEqual(object, before)) return objectResponse(call, 200, stored.json);
  const op = isFinished(object) ? "delete" : "put";
  return objectResponse(call, 200, await commitOne(call, op, keyOfCall(call), stored.revision, object));
}

export async function update(call: Call): Promise<ApiResponse> {
  const { type } = call;
  const body = readObject(call.request, type);
  alignWithPath(call, body);
  const attempt = async (): Promise<ApiResponse> => {
    call.warnings.length = 0;
    const stored = await getStored(call);
    if (body.metadata.resourceVersion === undefined && !type.unconditionalUpdate) {
      throw invalid(type, stored.name, [
        invalidValue("metadata.resourceVersion", 0, "must be specified for an update"),
      ]);
    }
    return await replace(call, stored, deepCopy(body));
  };
  return await retryRaces(attempt, () => conflict(type, call.path.name, STALE));
}

function patched(call: Call, before: KubeObject, patch: Json): Json {
  const kind = mediaType(call.request);
  if (kind === "application/json-patch+json") return jsonPatch(before, patch);
  if (!isObject(patch)) throw badRequest("the patch must be a JSON object");
  if (kind === "application/merge-patch+json") return mergePatch(before, patch);
  if (kind === "application/strategic-merge-patch+json" && !call.type.custom) return strategicPatch(before, patch);
  const accepted = [
    "application/json-patch+json",
    "application/merge-patch+json",
    ...(call.type.custom ? [] : ["application/strategic-merge-patch+json"]),
  ];
  const apply = kind.startsWith("application/apply-patch")
    ? "server-side apply is not supported by this server, use client-side apply; "
    : "";
  throw unsupportedMediaType(
    `${apply}the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

export async function patch(call: Call): Promise<ApiResponse> {
  const { type } = call;
  const kind = mediaType(call.request);
  const isPatch = kind.endsWith("-patch+json");
  const body = isPatch ? parseJson(call.request.body) : {};
  const attempt = async (): Promise<ApiResponse> => {
    call.warnings.length = 0;
    const stored = await getStored(call);
    const before = parseObject(inVersion(stored.json, type));
    const next = asKubeObject(deepCopy(patched(call, before, body)), type);
    alignWithPath(call, next);
    return await replace(call, stored, next);
  };
  return await retryRaces(attempt, () => conflict(type, call.path.name, STALE));
}
