import type { ListOptions } from "../port.ts";
import { walk } from "./walk.ts";

/** S3's page size, which is its greatest too. */
export const MAX_PAGE = 1000;

export interface FoundPage {
  readonly found: readonly { readonly key: string; readonly path: string }[];
  readonly commonPrefixes: readonly string[];
  /** The last name of the page when there is more. */
  readonly next?: string;
}

/** One page of names. A common prefix counts as one, as in S3. */
export async function findPage(bucketPath: string, options: ListOptions, after: string): Promise<FoundPage> {
  const { prefix = "", delimiter = "", signal } = options;
  const limit = Math.min(options.maxKeys ?? MAX_PAGE, MAX_PAGE);
  const found: { key: string; path: string }[] = [];
  const commonPrefixes: string[] = [];
  if (limit <= 0) return { found, commonPrefixes };

  // The last group that was named, here or at the end of the page before: its other keys are passed over.
  let group = delimiter !== "" && after.endsWith(delimiter) && after.length > prefix.length ? after : undefined;
  let last = "";
  for await (const item of walk(bucketPath, { prefix, after, shallow: delimiter === "/", signal })) {
    const name = "key" in item ? groupOf(item.key, prefix, delimiter) : item.commonPrefix;
    if (name !== undefined && name === group) continue;
    if (found.length + commonPrefixes.length === limit) return { found, commonPrefixes, next: last };
    if (name !== undefined) {
      commonPrefixes.push(name);
      group = name;
      last = name;
    } else if ("key" in item) {
      found.push(item);
      last = item.key;
    }
  }
  return { found, commonPrefixes };
}

function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

export function encodeToken(name: string): string {
  return Buffer.from(name).toString("base64url");
}

export function decodeToken(token: string): string {
  return Buffer.from(token, "base64url").toString();
}
