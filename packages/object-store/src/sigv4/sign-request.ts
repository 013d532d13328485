/** Signature Version 4 in the header: the client's side. */
import type { SessionCredentials } from "../credentials/source.ts";
import { canonicalHeaderValue, canonicalQuery, canonicalRequest } from "./canonical.ts";
import { hmacSha256Hex } from "./hmac.ts";
import { ALGORITHM, amzDate, scopeOf, signingKey, stringToSign } from "./scope.ts";

export interface UnsignedRequest {
  readonly method: string;
  readonly host: string;
  /** Encoded. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Lower-case names. All are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex. */
  readonly payloadHash: string;
}

/** The headers to send, without `host`, which the transport sets from the address. */
export function signRequest(
  request: UnsignedRequest,
  credentials: SessionCredentials,
  region: string,
  nowMs: number,
): Record<string, string> {
  const date = amzDate(nowMs);
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-date": date,
    "x-amz-content-sha256": request.payloadHash,
    ...(credentials.sessionToken !== undefined && { "x-amz-security-token": credentials.sessionToken }),
  };
  const signed = Object.entries({ ...headers, host: request.host })
    .map(([name, value]) => [name, canonicalHeaderValue(value)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const day = date.slice(0, 8);
  const scope = scopeOf(day, region);
  const canonical = canonicalRequest({
    method: request.method,
    path: request.path,
    query: canonicalQuery(request.query),
    headers: signed,
    payloadHash: request.payloadHash,
  });
  const signature = hmacSha256Hex(
    signingKey(credentials.secretAccessKey, day, region),
    stringToSign(date, scope, canonical),
  );
  const names = signed.map(([name]) => name).join(";");
  const authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}
