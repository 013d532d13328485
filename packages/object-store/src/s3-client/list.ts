import { ObjectStoreError } from "../error.ts";
import type { ListOptions, ListPage, ObjectMeta } from "../port.ts";
import type { Caller } from "./call.ts";
import { unquoted } from "./headers.ts";
import { element, elements, parseAnswer, textOf, type XmlElement } from "./parse-answer.ts";

const OPERATION = "ListObjectsV2";

/** Names come percent-encoded: XML can not carry all characters that a key may have. */
export async function listObjects(call: Caller, bucket: string, options: ListOptions): Promise<ListPage> {
  const { prefix, delimiter, continuationToken, startAfter, maxKeys, signal } = options;
  if (maxKeys !== undefined && maxKeys <= 0) return { objects: [], commonPrefixes: [] };
  const query: [string, string][] = [
    ["list-type", "2"],
    ["encoding-type", "url"],
  ];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") query.push([name, value]);
  };
  add("prefix", prefix);
  add("delimiter", delimiter);
  add("continuation-token", continuationToken);
  if (continuationToken === undefined) add("start-after", startAfter);
  add("max-keys", maxKeys === undefined ? undefined : String(Math.min(maxKeys, 1000)));
  const answer = await call({ operation: OPERATION, method: "GET", bucket, query, signal });
  return pageIn(await answer.text());
}

function pageIn(xml: string): ListPage {
  let result: XmlElement | undefined;
  try {
    result = element(parseAnswer(xml), "ListBucketResult");
  } catch (cause) {
    throw new ObjectStoreError("Internal", `${OPERATION}: the answer is no list`, {
      cause,
      call: { operation: OPERATION },
    });
  }
  if (result === undefined)
    throw new ObjectStoreError("Internal", `${OPERATION}: the answer is no list`, { call: { operation: OPERATION } });
  const decode = textOf(result, "EncodingType") === "url" ? decodeName : (name: string): string => name;
  const next = textOf(result, "IsTruncated") === "true" ? textOf(result, "NextContinuationToken") : undefined;
  return {
    objects: elements(result, "Contents").map((entry) => objectIn(entry, decode)),
    commonPrefixes: elements(result, "CommonPrefixes").map((entry) => decode(textOf(entry, "Prefix") ?? "")),
    ...(next !== undefined && { nextContinuationToken: next }),
  };
}

function objectIn(entry: XmlElement, decode: (name: string) => string): ObjectMeta {
  return {
    key: decode(textOf(entry, "Key") ?? ""),
    size: Number(textOf(entry, "Size") ?? 0),
    etag: unquoted(textOf(entry, "ETag") ?? ""),
    lastModified: new Date(textOf(entry, "LastModified") ?? 0),
    metadata: {},
  };
}

/** A plus is a space, as in a form; a true plus comes as %2B. */
function decodeName(name: string): string {
  return decodeURIComponent(name.replaceAll("+", " "));
}
