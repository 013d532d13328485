import type { ServerResponse } from "node:http";
import type { ObjectStore } from "../port.ts";
import type { MultipartArea } from "./multipart-area.ts";
import type { Payload } from "./payload.ts";
import type { S3Request } from "./request.ts";
import { type XmlValue, xmlDocument } from "./xml.ts";

/** What an operation works with: an authenticated request, its body, and the answer to write. */
export interface Exchange {
  readonly request: S3Request;
  readonly response: ServerResponse;
  readonly payload: Payload;
  readonly store: ObjectStore;
  readonly multipart: MultipartArea;
  readonly buckets: readonly string[];
  readonly region: string;
  /** Aborts when the client goes away or the server closes. */
  readonly signal: AbortSignal;
}

export type Operation = (exchange: Exchange) => Promise<void>;

export function sendXml(response: ServerResponse, status: number, root: string, content: XmlValue): void {
  const body = Buffer.from(xmlDocument(root, content));
  response.writeHead(status, { "content-type": "application/xml", "content-length": body.byteLength }).end(body);
}

export function sendEmpty(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, status === 204 ? headers : { ...headers, "content-length": "0" }).end();
}
