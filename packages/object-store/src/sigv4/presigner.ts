import type { Clock } from "@homeplane/runtime-kit";
import { ObjectStoreError } from "../error.ts";
import { checkKey } from "../key.ts";
import type { PresignedRequest, Presigner, PresignRequest } from "../port.ts";
import { canonicalHeaderValue, canonicalRequest } from "./canonical.ts";
import { hmacSha256Hex } from "./hmac.ts";
import { ALGORITHM, amzDate, type Credentials, scopeOf, signingKeys, stringToSign, UNSIGNED_PAYLOAD } from "./scope.ts";
import { uriEncode, uriEncodePath } from "./uri-encode.ts";

/** AWS's ceiling: 7 days. */
const MAX_EXPIRES_SECONDS = 604_800;

export interface PresignerOptions {
  /** Where the client will send the request, `http(s)://host[:port]`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Presigned URLs in path style (AWS, "Authenticating Requests: Using Query Parameters"). The body itself is unsigned, so
 * whoever signs a PUT should bind `content-md5` and `content-length`.
 */
export function createPresigner({ endpoint, region, credentials, clock }: PresignerOptions): Presigner {
  const { origin, host } = new URL(endpoint);
  const keyOf = signingKeys(credentials.secretAccessKey, region);
  let second = { at: -1, date: "" };

  function presign({ method, bucket, key, expiresSeconds, headers = {} }: PresignRequest): PresignedRequest {
    checkKey(key);
    if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > MAX_EXPIRES_SECONDS) {
      throw new ObjectStoreError(
        "Internal",
        `expiresSeconds must be 1 to ${MAX_EXPIRES_SECONDS}, got ${expiresSeconds}`,
      );
    }
    const at = Math.floor(clock.now() / 1000);
    if (second.at !== at) second = { at, date: amzDate(at * 1000) };
    const { date } = second;
    const day = date.slice(0, 8);
    const scope = scopeOf(day, region);

    const signed = signedHeaders(host, headers);
    const names = signed.map(([name]) => name).join(";");
    const path = `/${uriEncodePath(bucket)}/${uriEncodePath(key)}`;
    // In canonical order by construction.
    const query =
      `X-Amz-Algorithm=${ALGORITHM}&X-Amz-Credential=${uriEncode(`${credentials.accessKeyId}/${scope}`)}` +
      `&X-Amz-Date=${date}&X-Amz-Expires=${expiresSeconds}&X-Amz-SignedHeaders=${uriEncode(names)}`;
    const canonical = canonicalRequest({ method, path, query, headers: signed, payloadHash: UNSIGNED_PAYLOAD });
    const signature = hmacSha256Hex(keyOf(day), stringToSign(date, scope, canonical));
    return {
      url: `${origin}${path}?${query}&X-Amz-Signature=${signature}`,
      headers,
      expiresAt: new Date((at + expiresSeconds) * 1000),
    };
  }
  return { presign };
}

function signedHeaders(host: string, headers: Readonly<Record<string, string>>): [string, string][] {
  const signed: [string, string][] = [["host", host]];
  for (const [name, value] of Object.entries(headers)) signed.push([name.toLowerCase(), canonicalHeaderValue(value)]);
  return signed.length === 1 ? signed : signed.sort(([a], [b]) => (a < b ? -1 : 1));
}
