import { createPublicKey, createHash, type KeyObject, sign, verify } from "node:crypto";
import { isObject, type Json, type JsonObject } from "../store/json.ts";

/** ES256 (RFC 7518, 3.4): the one algorithm that is signed with and, whatever a token's header says, the one that is accepted. */
const HEADER = { alg: "ES256", typ: "JWT" } as const;
const HASH = "sha256";

const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** RFC 7638: the thumbprint of the public key names it. */
function keyId(key: KeyObject): string {
  const { crv = "", kty = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  return createHash(HASH).update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

/** `key` is a private key on P-256. */
export function signJwt(claims: JsonObject, key: KeyObject): string {
  const input = `${encode({ ...HEADER, kid: keyId(key) })}.${encode(claims)}`;
  const signature = sign(HASH, Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** The claims of a token that this key signed; undefined for any other text. Says nothing about its times. */
export function verifiedClaims(token: string, key: KeyObject): JsonObject | undefined {
  const [header = "", body = "", signature = "", ...more] = token.split(".");
  if (more.length > 0 || parsed(header)?.alg !== HEADER.alg) return undefined;
  const how = { key: createPublicKey(key), dsaEncoding: "ieee-p1363" } as const;
  if (!verify(HASH, Buffer.from(`${header}.${body}`), how, Buffer.from(signature, "base64url"))) return undefined;
  return parsed(body);
}

function parsed(part: string): JsonObject | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, "base64url").toString()) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    // Not one of ours: to the caller the same as a wrong signature.
    return undefined;
  }
}

/** RFC 7517: what verifies the tokens elsewhere. */
export function keySet(key: KeyObject): JsonObject {
  const { crv = "", kty = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  return { keys: [{ use: "sig", kty, kid: keyId(key), alg: HEADER.alg, crv, x, y }] };
}
