import type { Clock } from "@homeplane/runtime-kit";
import type { CredentialSource, SessionCredentials } from "../credentials/source.ts";
import { ObjectStoreError } from "../error.ts";
import { checkKey } from "../key.ts";
import type { PresignedRequest, Presigner, PresignRequest } from "../port.ts";
import { addresser, type StoreAddress } from "../s3-client/address.ts";
import { canonicalHeaderValue, canonicalRequest } from "./canonical.ts";
import { type HmacKey, hmacSha256Hex } from "./hmac.ts";
import { ALGORITHM, amzDate, scopeOf, signingKeys, stringToSign, UNSIGNED_PAYLOAD } from "./scope.ts";
import { uriEncode } from "./uri-encode.ts";

/** AWS's ceiling: 7 days. */
const MAX_EXPIRES_SECONDS = 604_800;

/** The address is the one that clients send to, which may be another than ours. */
export interface PresignerOptions extends StoreAddress {
  readonly credentials: CredentialSource;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Presigned URLs (AWS, "Authenticating Requests: Using Query Parameters"). The body itself is unsigned, so whoever signs a PUT should
 * bind `content-md5` and `content-length`. A URL dies with the credentials that signed it: one that is asked to live longer than they
 * do, after they were renewed where that helps, says so by its `expiresAt`.
 */
export function createPresigner({ credentials, clock, ...address }: PresignerOptions): Presigner {
  const { region } = address;
  const target = addresser(address);
  let second = { at: -1, date: "" };
  let signing: { readonly of: SessionCredentials; readonly keyOf: (day: string) => HmacKey } | undefined;

  function keyOf(of: SessionCredentials, day: string): HmacKey {
    if (signing?.of !== of) signing = { of, keyOf: signingKeys(of.secretAccessKey, region) };
    return signing.keyOf(day);
  }

  async function presign({
    method,
    bucket,
    key,
    expiresSeconds,
    headers = {},
    signal,
  }: PresignRequest): Promise<PresignedRequest> {
    checkKey(key);
    if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > MAX_EXPIRES_SECONDS) {
      throw new ObjectStoreError(
        "Internal",
        `expiresSeconds must be 1 to ${MAX_EXPIRES_SECONDS}, got ${expiresSeconds}`,
      );
    }
    const found = await credentials.get({ remainingMs: expiresSeconds * 1000, ...(signal && { signal }) });
    const at = Math.floor(clock.now() / 1000);
    if (second.at !== at) second = { at, date: amzDate(at * 1000) };
    const { date } = second;
    const day = date.slice(0, 8);
    const scope = scopeOf(day, region);
    const lifetime = Math.min(expiresSeconds, secondsLeft(found, at));

    const { origin, host, path } = target(bucket, key);
    const signed = signedHeaders(host, headers);
    const names = signed.map(([name]) => name).join(";");
    const token = found.sessionToken === undefined ? "" : `&X-Amz-Security-Token=${uriEncode(found.sessionToken)}`;
    // In canonical order by construction.
    const query =
      `X-Amz-Algorithm=${ALGORITHM}&X-Amz-Credential=${uriEncode(`${found.accessKeyId}/${scope}`)}` +
      `&X-Amz-Date=${date}&X-Amz-Expires=${lifetime}${token}&X-Amz-SignedHeaders=${uriEncode(names)}`;
    const canonical = canonicalRequest({ method, path, query, headers: signed, payloadHash: UNSIGNED_PAYLOAD });
    const signature = hmacSha256Hex(keyOf(found, day), stringToSign(date, scope, canonical));
    return {
      url: `${origin}${path}?${query}&X-Amz-Signature=${signature}`,
      headers,
      expiresAt: new Date((at + lifetime) * 1000),
    };
  }
  return { presign };
}

function secondsLeft({ expiresAt }: SessionCredentials, at: number): number {
  if (expiresAt === undefined) return MAX_EXPIRES_SECONDS;
  return Math.max(1, Math.floor(expiresAt.getTime() / 1000) - at);
}

function signedHeaders(host: string, headers: Readonly<Record<string, string>>): [string, string][] {
  const signed: [string, string][] = [["host", host]];
  for (const [name, value] of Object.entries(headers)) signed.push([name.toLowerCase(), canonicalHeaderValue(value)]);
  return signed.length === 1 ? signed : signed.sort(([a], [b]) => (a < b ? -1 : 1));
}
