/**
 * AWS Signature Version 4: dates, scope, signing key and string to sign.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { hash } from "node:crypto";
import { type HmacKey, hmacKey, hmacSha256 } from "./hmac.ts";

export const ALGORITHM = "AWS4-HMAC-SHA256";
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** `20130524T000000Z`. */
export function amzDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

/** Milliseconds since the epoch; undefined unless it is a real moment in exactly that form. */
export function parseAmzDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const epochMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(epochMs) || amzDate(epochMs) !== text ? undefined : epochMs;
}

export function scopeOf(day: string, region: string): string {
  return `${day}/${region}/s3/aws4_request`;
}

export function signingKey(secretAccessKey: string, day: string, region: string): HmacKey {
  const chain = [day, region, "s3", "aws4_request"];
  return chain.reduce((key, step) => hmacKey(hmacSha256(key, step)), hmacKey(`AWS4${secretAccessKey}`));
}

/** Keeps the key of the day last asked for: days change once a day, and deriving takes five HMACs. */
export function signingKeys(secretAccessKey: string, region: string): (day: string) => HmacKey {
  let cached: { day: string; key: HmacKey } | undefined;
  return (day) => {
    if (cached?.day !== day) cached = { day, key: signingKey(secretAccessKey, day, region) };
    return cached.key;
  };
}

export function stringToSign(date: string, scope: string, canonicalRequest: string): string {
  return `${ALGORITHM}\n${date}\n${scope}\n${hash("sha256", canonicalRequest, "hex")}`;
}
