/**
 * Who sent this request, and did exactly this request leave them? Both forms of Signature Version 4: the Authorization header,
 * and the query of a presigned URL; of version 2 the latter. Everything that is checked here is checked before a byte of the body is read.
 */
import type { Clock } from "@homeplane/runtime-kit";
import type { SessionCredentials } from "../credentials/source.ts";
import { S3Error } from "../s3/error.ts";
import type { S3Request } from "../s3/request.ts";
import { isPresignedV2, verifyPresignedV2 } from "../sigv2/verify-presigned.ts";
import { equalSecrets } from "./equal-secrets.ts";
import { canonicalHeaderValue, canonicalQuery, canonicalRequest } from "./canonical.ts";
import { type HmacKey, hmacSha256Hex } from "./hmac.ts";
import { type Credentials, scopeOf, signingKeys, stringToSign, UNSIGNED_PAYLOAD } from "./scope.ts";
import { type Claim, readClaim } from "./claim.ts";
import { uriEncodePath } from "./uri-encode.ts";

/** AWS's tolerance between the client's clock and ours. */
const MAX_SKEW_MS = 15 * 60 * 1000;

export interface VerifiedRequest {
  /** `x-amz-content-sha256`, which the body has yet to agree with. */
  readonly payloadHash: string;
  /** What the signatures of chunks are chained to; a request of version 2 can not have such. */
  readonly seed?: { readonly signature: string; readonly key: HmacKey; readonly date: string; readonly scope: string };
}

export interface VerifierOptions {
  readonly region: string;
  readonly credentials: Pick<SessionCredentials, keyof Credentials | "sessionToken">;
  readonly clock: Pick<Clock, "now">;
}

/** Throws `S3Error` with the code that S3 has for what is wrong. */
export function createVerifier({
  region,
  credentials,
  clock,
}: VerifierOptions): (request: S3Request) => VerifiedRequest {
  const keyOf = signingKeys(credentials.secretAccessKey, region);

  return (request) => {
    if (isPresignedV2(request) && credentials.sessionToken === undefined)
      return verifyPresignedV2(request, credentials, clock);
    const claim = readClaim(request, credentials.sessionToken);
    const [accessKeyId, day = "", claimedRegion, service, terminator] = claim.credential;
    if (accessKeyId !== credentials.accessKeyId) {
      throw new S3Error("InvalidAccessKeyId", "the access key is not one of this store");
    }
    if (claimedRegion !== region || service !== "s3" || terminator !== "aws4_request") {
      throw new S3Error(
        claim.malformed,
        `the credential's scope must be ${scopeOf("<date>", region)}; set the region to '${region}'`,
      );
    }
    if (day !== claim.date.slice(0, 8))
      throw new S3Error(claim.malformed, "the credential's date is not the request's");
    checkTime(claim, clock.now());
    checkSignedNames(claim, request);

    const key = keyOf(day);
    const scope = scopeOf(day, region);
    const payloadHash = payloadHashOf(claim, request);
    const signature = hmacSha256Hex(key, stringToSign(claim.date, scope, canonicalOf(claim, request, payloadHash)));
    if (!equalSecrets(signature, claim.signature)) {
      throw new S3Error(
        "SignatureDoesNotMatch",
        "the signature does not fit the request; check the secret key, and that nothing was changed on the way",
      );
    }
    return { payloadHash, seed: { signature, key, date: claim.date, scope } };
  };
}

function checkTime({ kind, signedAtMs, expiresSeconds }: Claim, nowMs: number): void {
  if (kind === "query") {
    if (nowMs >= signedAtMs + expiresSeconds * 1000) throw new S3Error("AccessDenied", "Request has expired");
    if (signedAtMs > nowMs + MAX_SKEW_MS) throw new S3Error("AccessDenied", "Request is not valid yet");
  } else if (Math.abs(nowMs - signedAtMs) > MAX_SKEW_MS) {
    throw new S3Error(
      "RequestTimeTooSkewed",
      "the request's time is more than 15 minutes from the server's; set the clock",
    );
  }
}

function checkSignedNames({ signedNames, malformed }: Claim, request: S3Request): void {
  if (!signedNames.includes("host")) throw new S3Error(malformed, "the signed headers must include host");
  const unsigned = request.headerNames.filter((name) => name.startsWith("x-amz-") && !signedNames.includes(name));
  if (unsigned.length > 0) throw new S3Error("AccessDenied", `these headers must be signed: ${unsigned.join(", ")}`);
}

function payloadHashOf({ kind }: Claim, request: S3Request): string {
  const header = request.header("x-amz-content-sha256");
  if (header !== undefined) return header;
  if (kind === "query") return UNSIGNED_PAYLOAD;
  throw new S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
}

function canonicalOf({ signedNames }: Claim, request: S3Request, payloadHash: string): string {
  return canonicalRequest({
    method: request.method,
    path: uriEncodePath(request.path),
    query: canonicalQuery(request.query.filter(([name]) => name !== "X-Amz-Signature")),
    headers: signedNames.map((name) => [name, canonicalHeaderValue(request.header(name) ?? "")] as const),
    payloadHash,
  });
}
