import type { JsonObject } from "../store/json.ts";
import type { ApiResponse } from "./request.ts";

const encoder = new TextEncoder();

export const JSON_TYPE = "application/json";

export function rawJson(status: number, json: string, headers: Record<string, string> = {}): ApiResponse {
  return { status, headers: { "content-type": JSON_TYPE, ...headers }, body: encoder.encode(json) };
}

export function jsonResponse(status: number, value: JsonObject, headers: Record<string, string> = {}): ApiResponse {
  return rawJson(status, JSON.stringify(value), headers);
}

export function textResponse(status: number, text: string): ApiResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: encoder.encode(text) };
}

export function streamResponse(contentType: string, body: AsyncIterable<Uint8Array>): ApiResponse {
  return { status: 200, headers: { "content-type": contentType, "cache-control": "no-cache, private" }, body };
}
