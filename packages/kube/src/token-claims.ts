/** What a ServiceAccount token says of itself. Not verified: good for a refusal, never for a yes. */
export interface TokenClaims {
  readonly audiences: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** A projected token has about 1 KiB. */
const MAX_TOKEN_LENGTH = 16 << 10;
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

/** `undefined` when it is no JWT (RFC 7519). */
export function tokenClaims(token: string): TokenClaims | undefined {
  const payload = token.length > MAX_TOKEN_LENGTH ? undefined : JWT.exec(token)?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null) return undefined;
    const { aud, exp } = claims as { aud?: unknown; exp?: unknown };
    const audiences = (Array.isArray(aud) ? aud : [aud]).filter((one) => typeof one === "string");
    return { audiences, ...(typeof exp === "number" && Number.isFinite(exp) ? { expiresAt: exp * 1000 } : {}) };
  } catch {
    return undefined;
  }
}
