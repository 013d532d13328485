import type { JsonObject } from "../store/json.ts";
import { parseObject } from "../store/object.ts";
import type { Call } from "./context.ts";
import { type ApiResponse, parseAccept } from "./request.ts";
import { type ResourceType, apiVersionOf } from "./resource-type.ts";
import { jsonResponse, rawJson } from "./response.ts";
import { type IncludeObject, partialObject, table, type TableOptions } from "./table.ts";

/**
 * Stored text as the requested version shows it. Objects are written with `apiVersion` first, so the usual case needs no parsing.
 * CRD conversion is `None`: only the name of the version changes.
 */
export function inVersion(json: string, type: ResourceType): string {
  const head = `{"apiVersion":"${apiVersionOf(type)}"`;
  if (json.startsWith(head)) return json;
  return JSON.stringify({ ...parseObject(json), apiVersion: apiVersionOf(type) });
}

export function tableOptions(call: Call, version: string): TableOptions {
  const wanted = call.query.get("includeObject");
  const include: IncludeObject = wanted === "None" || wanted === "Object" ? wanted : "Metadata";
  return { version, include, now: call.context.clock.now() };
}

function warningHeaders(call: Call): Record<string, string> {
  const texts = call.warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  return texts.length === 0 ? {} : { warning: texts.join(", ") };
}

export function objectResponse(call: Call, status: number, json: string): ApiResponse {
  const shape = parseAccept(call.request.headers.accept);
  const shown = inVersion(json, call.type);
  const headers = warningHeaders(call);
  if (shape.as === "object") return rawJson(status, shown, headers);
  const object = parseObject(shown);
  if (shape.as === "metadata") return jsonResponse(status, partialObject(object, shape.version), headers);
  const meta: JsonObject = { resourceVersion: object.metadata.resourceVersion };
  return jsonResponse(status, table(call.type, [shown], meta, tableOptions(call, shape.version)), headers);
}

/** In lists of built-in kinds the items do not say what they are; those of custom resources do. */
function asItem(json: string, type: ResourceType): string {
  const head = `{"apiVersion":"${apiVersionOf(type)}","kind":"${type.kind}",`;
  return !type.custom && json.startsWith(head) ? `{${json.slice(head.length)}` : json;
}

export function listResponse(call: Call, jsons: readonly string[], meta: JsonObject): ApiResponse {
  const { type } = call;
  const shape = parseAccept(call.request.headers.accept);
  const shown = jsons.map((json) => inVersion(json, type));
  if (shape.as === "table") return jsonResponse(200, table(type, shown, meta, tableOptions(call, shape.version)));
  if (shape.as === "metadata") {
    const items = shown.map((json) => partialObject(parseObject(json), shape.version));
    return jsonResponse(200, {
      kind: "PartialObjectMetadataList",
      apiVersion: `meta.k8s.io/${shape.version}`,
      metadata: meta,
      items,
    });
  }
  const head = JSON.stringify({ kind: type.listKind, apiVersion: apiVersionOf(type), metadata: meta }).slice(0, -1);
  return rawJson(200, `${head},"items":[${shown.map((json) => asItem(json, type)).join(",")}]}`);
}
