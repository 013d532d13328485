import { isObject, type Json, type JsonObject } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { ApiError, badRequest, unsupportedMediaType } from "./api-error.ts";
import { PROTOBUF_TYPE, parseProtobuf } from "./protobuf.ts";
import { type ResourceType, apiVersionOf } from "./resource-type.ts";
import type { ApiRequest } from "./request.ts";

/** etcd's limit, which is what limits a real API server. */
export const MAX_OBJECT_BYTES = 1.5 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });

export function mediaType(request: ApiRequest): string {
  return (request.headers["content-type"] ?? "application/json").split(";")[0]?.trim() ?? "";
}

export function tooLarge(): ApiError {
  return new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${MAX_OBJECT_BYTES} bytes`);
}

export function parseJson(body: Uint8Array | undefined): Json {
  if (body === undefined || body.length === 0) throw badRequest("the request has no body");
  if (body.length > MAX_OBJECT_BYTES) throw tooLarge();
  try {
    return JSON.parse(decoder.decode(body)) as Json;
  } catch (error) {
    throw new ApiError(400, "BadRequest", "the body of the request is not valid JSON", undefined, { cause: error });
  }
}

/** A body that is optional, as for deletes. */
export function optionalJson(request: ApiRequest): JsonObject {
  if (request.body === undefined || request.body.length === 0) return {};
  requireJson(request);
  const value = parseJson(request.body);
  if (!isObject(value)) throw badRequest("the body of the request must be a JSON object");
  return value;
}

function requireJson(request: ApiRequest): void {
  const type = mediaType(request);
  if (type === "application/json") return;
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: application/json (not ${type})`,
  );
}

/** An empty list of finalizers or owners is as none. */
const isEmptyList = (value: Json): boolean => Array.isArray(value) && value.length === 0;

/** Checks that `value` is an object of `type` and brings it into the shape that is stored. */
export function asKubeObject(value: Json, type: ResourceType): KubeObject {
  if (!isObject(value)) throw badRequest("the body of the request must be a JSON object");
  const { apiVersion, kind, metadata, ...rest } = value;
  const wanted = apiVersionOf(type);
  if ((apiVersion ?? wanted) !== wanted) {
    throw badRequest(
      `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected API version (${wanted})`,
    );
  }
  if ((kind ?? type.kind) !== type.kind) {
    throw badRequest(`the kind in the data (${JSON.stringify(kind)}) does not match the expected kind (${type.kind})`);
  }
  if (metadata !== undefined && metadata !== null && !isObject(metadata))
    throw badRequest("metadata must be a JSON object");
  const { managedFields: _managed, selfLink: _link, ...meta } = metadata ?? {};
  for (const field of ["name", "namespace", "generateName", "uid", "resourceVersion"]) {
    const one = meta[field];
    if (one !== undefined && one !== null && typeof one !== "string")
      throw badRequest(`metadata.${field} must be a string`);
  }
  const cleaned = Object.fromEntries(
    Object.entries(meta).filter(([, one]) => one !== undefined && one !== null && one !== "" && !isEmptyList(one)),
  );
  return { apiVersion: wanted, kind: type.kind, metadata: cleaned, ...rest };
}

export function readObject(request: ApiRequest, type: ResourceType): KubeObject {
  if (mediaType(request) === PROTOBUF_TYPE && request.body !== undefined) {
    if (request.body.length > MAX_OBJECT_BYTES) throw tooLarge();
    return asKubeObject(parseProtobuf(request.body), type);
  }
  requireJson(request);
  return asKubeObject(parseJson(request.body), type);
}

/** The body of something that is answered and not stored. */
export function readVirtual(
  request: ApiRequest,
  { apiVersion, kind }: { apiVersion: string; kind: string },
): JsonObject {
  if (mediaType(request) === PROTOBUF_TYPE && request.body !== undefined) return parseProtobuf(request.body);
  const body = optionalJson(request);
  if ((body.kind ?? kind) !== kind || (body.apiVersion ?? apiVersion) !== apiVersion)
    throw badRequest(`the body of the request must be a ${apiVersion} ${kind}`);
  return body;
}
