/** The canonical request: the one text that client and server both build from what they send and see. */
import { uriEncode } from "./uri-encode.ts";

export interface CanonicalParts {
  readonly method: string;
  /** Encoded already. */
  readonly path: string;
  readonly query: string;
  /** Lower-case names in order, with their values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly payloadHash: string;
}

export function canonicalRequest({ method, path, query, headers, payloadHash }: CanonicalParts): string {
  let lines = "";
  let names = "";
  for (const [name, value] of headers) {
    lines += `${name}:${value}\n`;
    names += names === "" ? name : `;${name}`;
  }
  return `${method}\n${path}\n${query}\n${lines}\n${names}\n${payloadHash}`;
}

/** Sorted by encoded name, then value. Takes decoded pairs. */
export function canonicalQuery(pairs: readonly (readonly [name: string, value: string])[]): string {
  return pairs
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Trimmed, with runs of spaces made one. */
export function canonicalHeaderValue(value: string): string {
  return value.trim().replaceAll(/ {2,}/g, " ");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
