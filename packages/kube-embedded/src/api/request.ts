import { ApiError, badRequest, pathNotFound } from "./api-error.ts";

/** `path` includes the query. Header names are lower case. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Aborting ends watches and followed logs. */
  readonly signal?: AbortSignal;
  /** Who asks, as the transport established it; it decides nothing: everyone who gets here may do everything. */
  readonly user?: string;
  readonly groups?: readonly string[];
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** A path taken apart; `group` is "" for the core group. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  /** "" for cluster scope and for lists over all namespaces. */
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new ApiError(400, "BadRequest", `the path segment ${segment} is not valid percent encoding`, undefined, {
      cause: error,
    });
  }
}

/** `/api/v1/...` and `/apis/<group>/<version>/...`; undefined for other paths and for bare discovery paths. */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const parts = pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const root = parts.shift();
  let group = "";
  if (root === "apis") group = parts.shift() ?? "";
  else if (root !== "api") return undefined;
  const version = parts.shift();
  if (version === undefined || parts.length === 0) return undefined;
  // /namespaces/<ns>/<plural>... is a namespaced resource; /namespaces/<name>[/status|/finalize] is the Namespace itself.
  const isSubresource = parts.length === 3 && (parts[2] === "status" || parts[2] === "finalize") && group === "";
  let namespace = "";
  if (parts[0] === "namespaces" && parts.length > 2 && !isSubresource) {
    namespace = parts[1] ?? "";
    parts.splice(0, 2);
  }
  if (parts.length > 3) throw pathNotFound();
  const [plural = "", name = "", subresource = ""] = parts;
  return { group, version, namespace, plural, name, subresource };
}

export function integerParam(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!/^\d{1,18}$/.test(text) || value > max) {
    throw badRequest(`the query parameter ${name} must be an integer between 0 and ${max}, not "${text}"`);
  }
  return value;
}

export function booleanParam(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text === "" || text === "true" || text === "1";
}

/** How the client wants objects: whole, as a Table, or as metadata only. */
export type Shape =
  | { readonly as: "object" }
  | { readonly as: "table"; readonly version: string }
  | { readonly as: "metadata"; readonly version: string };

/** The first alternative of `Accept` that this server can produce; JSON is the only encoding. */
export function parseAccept(accept: string | undefined): Shape {
  if (accept === undefined || accept.trim() === "") return { as: "object" };
  for (const alternative of accept.split(",")) {
    const [type = "", ...params] = alternative.split(";").map((part) => part.trim());
    if (!["application/json", "application/*", "*/*"].includes(type)) continue;
    const wanted = Object.fromEntries(params.map((param) => param.split("=", 2)));
    const version = wanted.v ?? "v1";
    if (wanted.as === undefined) return { as: "object" };
    if (version !== "v1" && version !== "v1beta1") continue;
    if (wanted.as === "Table") return { as: "table", version };
    if (wanted.as === "PartialObjectMetadata" || wanted.as === "PartialObjectMetadataList")
      return { as: "metadata", version };
  }
  const message = "only the following media types are accepted: application/json, application/json;stream=watch";
  throw new ApiError(406, "NotAcceptable", message, {});
}
