import type { IncomingMessage } from "node:http";
import { S3Error } from "./error.ts";

/** A request as far as it can be read without its body. */
export interface S3Request {
  readonly method: string;
  /** Decoded, with the leading `/`. Nothing is normalised: `..` is a segment like any other. */
  readonly path: string;
  /** "" for the service itself. */
  readonly bucket: string;
  /** "" for the bucket itself. */
  readonly key: string;
  /** Decoded pairs in the order that they were sent in. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The first value of a query parameter. */
  param(name: string): string | undefined;
  /** By lower-case name; several of one name are joined by a comma. */
  header(name: string): string | undefined;
  readonly headerNames: readonly string[];
}

export function parseRequest(message: IncomingMessage): S3Request {
  const target = message.url ?? "";
  const mark = target.indexOf("?");
  const path = decode(mark === -1 ? target : target.slice(0, mark));
  if (!path.startsWith("/")) throw new S3Error("InvalidURI", "the request's target must be a path");
  const slash = path.indexOf("/", 1);
  const query = mark === -1 ? [] : parseQuery(target.slice(mark + 1));
  const params = new Map(query.toReversed());
  const headers = message.headersDistinct;
  return {
    method: message.method ?? "",
    path,
    bucket: path.slice(1, slash === -1 ? undefined : slash),
    key: slash === -1 ? "" : path.slice(slash + 1),
    query,
    param: (name) => params.get(name),
    header: (name) => headers[name]?.join(","),
    headerNames: Object.keys(headers),
  };
}

function parseQuery(text: string): (readonly [string, string])[] {
  return text
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", ...value] = pair.replaceAll("+", " ").split("=");
      return [decode(name), decode(value.join("="))] as const;
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new S3Error("InvalidURI", "the URI is not percent-encoded UTF-8", { cause: error });
  }
}
