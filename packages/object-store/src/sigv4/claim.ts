import { S3Error, type S3ErrorCode } from "../s3/error.ts";
import type { S3Request } from "../s3/request.ts";
import { equalSecrets } from "./equal-secrets.ts";
import { ALGORITHM, parseAmzDate } from "./scope.ts";

/** What a request says of itself; nothing of it is believed yet. */
export interface Claim {
  readonly kind: "header" | "query";
  /** Access key, day, region, service, `aws4_request`. */
  readonly credential: readonly string[];
  /** Lower case, sorted, each once. */
  readonly signedNames: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly signedAtMs: number;
  /** Of a presigned URL; 0 otherwise. */
  readonly expiresSeconds: number;
  /** The code for what is wrong with the claim's own form. */
  readonly malformed: S3ErrorCode;
}

const MAX_EXPIRES_SECONDS = 604_800;

/** `sessionToken`: of the credentials that are good here; absent = they are no session's. */
export function readClaim(request: S3Request, sessionToken?: string): Claim {
  const authorization = request.header("authorization");
  const inQuery = request.param("X-Amz-Algorithm") !== undefined || request.param("X-Amz-Signature") !== undefined;
  if (authorization !== undefined && inQuery) {
    throw new S3Error("InvalidArgument", "only one way of authentication is allowed in a request");
  }
  const shown = request.header("x-amz-security-token") ?? request.param("X-Amz-Security-Token");
  if (sessionToken === undefined && shown !== undefined) {
    throw new S3Error("InvalidToken", "this store has no session tokens; unset the session token");
  }
  if (sessionToken !== undefined && !equalSecrets(shown ?? "", sessionToken)) {
    throw new S3Error("InvalidToken", "the session token is not that of the credentials");
  }
  if (inQuery) return queryClaim(request);
  if (authorization?.startsWith("AWS ")) {
    throw new S3Error(
      "InvalidRequest",
      "Please use AWS4-HMAC-SHA256 (signature version s3v4); version 2 is not supported",
    );
  }
  if (authorization === undefined) throw new S3Error("AccessDenied", "the request is not signed");
  return headerClaim(request, authorization);
}

function headerClaim(request: S3Request, authorization: string): Claim {
  const malformed = "AuthorizationHeaderMalformed";
  const [scheme, rest] = splitOnce(authorization, " ");
  if (scheme !== ALGORITHM) throw new S3Error("InvalidRequest", `the authorization must be ${ALGORITHM}`);
  const fields = new Map(rest.split(",").map((field) => splitOnce(field.trim(), "=")));
  const date = request.header("x-amz-date");
  if (date === undefined) throw new S3Error("AccessDenied", "the header x-amz-date is missing");
  return claim(
    "header",
    malformed,
    date,
    fields.get("Credential"),
    fields.get("SignedHeaders"),
    fields.get("Signature"),
    0,
  );
}

function queryClaim(request: S3Request): Claim {
  const malformed = "AuthorizationQueryParametersError";
  const names = request.query.map(([name]) => name).filter((name) => name.startsWith("X-Amz-"));
  if (new Set(names).size !== names.length) throw new S3Error(malformed, "an X-Amz- parameter was sent twice");
  if (request.param("X-Amz-Algorithm") !== ALGORITHM)
    throw new S3Error(malformed, `X-Amz-Algorithm must be ${ALGORITHM}`);
  const expires = request.param("X-Amz-Expires") ?? "";
  const expiresSeconds = /^\d{1,6}$/.test(expires) ? Number(expires) : 0;
  if (expiresSeconds < 1 || expiresSeconds > MAX_EXPIRES_SECONDS) {
    throw new S3Error(malformed, `X-Amz-Expires must be 1 to ${MAX_EXPIRES_SECONDS} seconds`);
  }
  const [credential, signed, signature] = ["Credential", "SignedHeaders", "Signature"].map((name) =>
    request.param(`X-Amz-${name}`),
  );
  return claim("query", malformed, request.param("X-Amz-Date") ?? "", credential, signed, signature, expiresSeconds);
}

function claim(
  kind: Claim["kind"],
  malformed: S3ErrorCode,
  date: string,
  credential: string | undefined,
  signedHeaders: string | undefined,
  signature: string | undefined,
  expiresSeconds: number,
): Claim {
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw new S3Error(malformed, "credential, signed headers and signature are all needed");
  }
  const signedAtMs = parseAmzDate(date);
  if (signedAtMs === undefined) throw new S3Error(malformed, "the date must be in the form 20130524T000000Z");
  // An access key may contain slashes; the scope behind it has four parts.
  const parts = credential.split("/");
  const fields = [parts.slice(0, -4).join("/"), ...parts.slice(-4)];
  const signedNames = signedHeaders.split(";");
  if (
    signedNames.some(
      (name, i) => name === "" || name !== name.toLowerCase() || (i > 0 && name <= (signedNames[i - 1] ?? "")),
    )
  ) {
    throw new S3Error(malformed, "the signed headers must be in lower case, sorted, each once");
  }
  return { kind, malformed, date, signedAtMs, credential: fields, signedNames, signature, expiresSeconds };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
