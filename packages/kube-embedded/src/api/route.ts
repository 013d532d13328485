import { type ApiResponse, booleanParam, parseAccept, parseResourcePath } from "./request.ts";
import { ApiError, methodNotAllowed, pathNotFound } from "./api-error.ts";
import type { ApiContext, Call } from "./context.ts";
import { readVirtual } from "./body.ts";
import { bindPod } from "./bind-pod.ts";
import { create } from "./create.ts";
import { remove, removeCollection } from "./delete.ts";
import { apiGroup, apiGroups, apiResources, apiVersions, SERVER_VERSION } from "./discovery.ts";
import { OPENAPI_V2_PROTO, openApiV2, openApiV2Proto, openApiV3Document, openApiV3Index } from "./openapi.ts";
import { keySet } from "./jwt.ts";
import { podLog } from "./pod-log.ts";
import { get, list } from "./reads.ts";
import type { ApiRequest } from "./request.ts";
import { jsonResponse, textResponse } from "./response.ts";
import { apiVersionOf } from "./resource-type.ts";
import { openIdConfiguration, requestToken } from "./token-request.ts";
import { patch, update } from "./update.ts";
import { watch } from "./watch.ts";

const HEALTH = new Set(["/healthz", "/livez", "/readyz"]);

/** Everything that is not about objects; undefined when the path is none of these. */
export function metaRoute(context: ApiContext, pathname: string, accept: string): ApiResponse | undefined {
  const { registry } = context;
  const path = pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
  const json = (value: Parameters<typeof jsonResponse>[1] | undefined): ApiResponse => {
    if (value === undefined) throw pathNotFound();
    return jsonResponse(200, value);
  };
  if (HEALTH.has(path)) return textResponse(200, "ok");
  if (path === "/openid/v1/jwks") return json(keySet(context.tokenKey));
  if (path === "/.well-known/openid-configuration") return json(openIdConfiguration());
  if (path === "/version") return json(SERVER_VERSION);
  if (path === "/")
    return json({
      paths: ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
    });
  if (path === "/api") return json(apiVersions());
  if (path === "/apis") return json(apiGroups(registry));
  if (path === "/openapi/v3") return json(openApiV3Index(registry));
  if (path.startsWith("/openapi/v3/")) return json(openApiV3Document(registry, path.slice("/openapi/v3/".length)));
  if (path === "/openapi/v2") {
    if (!accept.includes("protobuf")) return json(openApiV2());
    return { status: 200, headers: { "content-type": OPENAPI_V2_PROTO }, body: openApiV2Proto() };
  }
  const parts = path.split("/").slice(1);
  if (parts[0] === "api" && parts.length === 2) return json(apiResources(registry, "", parts[1] ?? ""));
  if (parts[0] === "apis" && parts.length === 2) return json(apiGroup(registry, parts[1] ?? ""));
  if (parts[0] === "apis" && parts.length === 3) return json(apiResources(registry, parts[1] ?? "", parts[2] ?? ""));
  return undefined;
}

function resolve(context: ApiContext, request: ApiRequest, pathname: string, query: URLSearchParams): Call {
  const path = parseResourcePath(pathname);
  const type = path === undefined ? undefined : context.registry.find(path.group, path.version, path.plural);
  if (path === undefined || type === undefined) throw pathNotFound();
  if (path.namespace !== "" && !type.namespaced) throw pathNotFound();
  if (path.name !== "" && path.namespace === "" && type.namespaced) throw pathNotFound();
  const known =
    path.subresource === "" ||
    (path.subresource === "status" && type.hasStatus) ||
    type.subresources.includes(path.subresource);
  if (!known) throw pathNotFound();
  return { context, request, path, query, type, warnings: [] };
}

async function review(call: Call, answer: NonNullable<Call["type"]["review"]>): Promise<ApiResponse> {
  const { type, request, path } = call;
  if (request.method !== "POST" || path.name !== "") throw methodNotAllowed();
  const asked = { apiVersion: apiVersionOf(type), kind: type.kind };
  const body = readVirtual(request, asked);
  return jsonResponse(201, { ...body, ...asked, metadata: {}, status: await answer(call, body) });
}

/** The verb table of https://kubernetes.io/docs/reference/using-api/api-concepts/. */
export async function resourceRoute(
  context: ApiContext,
  request: ApiRequest,
  pathname: string,
  query: URLSearchParams,
): Promise<ApiResponse> {
  const call = resolve(context, request, pathname, query);
  const { method } = request;
  const { name, subresource, namespace } = call.path;
  if (call.type.review !== undefined) return await review(call, call.type.review);
  if (name === "") {
    if (method === "GET") {
      parseAccept(request.headers.accept);
      return booleanParam(call.query, "watch") ? watch(call) : await list(call);
    }
    if (method === "POST" && (namespace !== "" || !call.type.namespaced)) return await create(call);
    if (method === "DELETE") return await removeCollection(call);
    throw methodNotAllowed();
  }
  if (subresource === "log") {
    if (method !== "GET") throw methodNotAllowed();
    return await podLog(call);
  }
  if (subresource === "token") {
    if (method !== "POST") throw methodNotAllowed();
    return await requestToken(call);
  }
  if (subresource === "binding") {
    if (method !== "POST") throw methodNotAllowed();
    return await bindPod(call);
  }
  if (subresource === "finalize") {
    throw new ApiError(
      501,
      "NotImplemented",
      "this server finalizes namespaces itself, when their contents are gone",
      {},
    );
  }
  if (method === "GET") return await get(call);
  if (method === "PUT") return await update(call);
  if (method === "PATCH") return await patch(call);
  if (method === "DELETE" && subresource === "") return await remove(call);
  throw methodNotAllowed();
}
