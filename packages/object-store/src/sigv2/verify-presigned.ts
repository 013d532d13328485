/**
 * Presigned URLs of Signature Version 2, which the AWS CLI 1 and boto3 still make for us-east-1 unless they are told otherwise.
 * What it does not sign is refused: such a URL is for one object and no parameter can be added to it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html ("Query string request authentication")
 */
import { createHmac } from "node:crypto";
import type { Clock } from "@homeplane/runtime-kit";
import { S3Error } from "../s3/error.ts";
import type { S3Request } from "../s3/request.ts";
import { equalSecrets } from "../sigv4/equal-secrets.ts";
import { type Credentials, UNSIGNED_PAYLOAD } from "../sigv4/scope.ts";
import { uriEncodePath } from "../sigv4/uri-encode.ts";

const METHODS: readonly string[] = ["GET", "HEAD", "PUT"];
/** As long as a URL of version 4 can live. */
const MAX_LIFE_SECONDS = 604_800;
const OWN: readonly string[] = ["AWSAccessKeyId", "Signature", "Expires"];
const SIGNED = /^response-(content-type|content-language|expires|cache-control|content-disposition|content-encoding)$/;

export const isPresignedV2 = (request: S3Request): boolean => request.param("AWSAccessKeyId") !== undefined;

/** Throws `S3Error`; returns what the body has to be, as version 4 would say it. */
export function verifyPresignedV2(
  request: S3Request,
  credentials: Credentials,
  clock: Pick<Clock, "now">,
): { readonly payloadHash: string } {
  const [accessKeyId, signature, expires] = OWN.map((name) => request.param(name) ?? "");
  if (accessKeyId !== credentials.accessKeyId)
    throw new S3Error("InvalidAccessKeyId", "the access key is not one of this store");
  const names = request.query.map(([name]) => name);
  const unsigned = names.filter((name) => !OWN.includes(name) && !SIGNED.test(name));
  if (unsigned.length > 0 || new Set(names).size !== names.length || !METHODS.includes(request.method)) {
    throw new S3Error(
      "InvalidRequest",
      "with signature version 2 only GET, HEAD and PUT of an object are possible; use version 4 (signature_version s3v4)",
    );
  }
  const nowSeconds = clock.now() / 1000;
  const at = /^\d{1,12}$/.test(expires ?? "") ? Number(expires) : 0;
  if (at <= nowSeconds) throw new S3Error("AccessDenied", "Request has expired");
  if (at > nowSeconds + MAX_LIFE_SECONDS) throw new S3Error("AccessDenied", "a presigned URL can live for 7 days");
  const expected = createHmac("sha1", credentials.secretAccessKey).update(stringToSign(request)).digest("base64");
  if (!equalSecrets(expected, signature ?? "")) {
    throw new S3Error(
      "SignatureDoesNotMatch",
      "the signature does not fit the request; check the secret key, and that nothing was changed on the way",
    );
  }
  return { payloadHash: request.header("x-amz-content-sha256") ?? UNSIGNED_PAYLOAD };
}

function stringToSign(request: S3Request): string {
  const amz = request.headerNames
    .filter((name) => name.startsWith("x-amz-"))
    .sort()
    .map((name) => `${name}:${request.header(name)?.trim() ?? ""}\n`);
  const params = request.query
    .filter(([name]) => SIGNED.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const query = params.length === 0 ? "" : `?${params.join("&")}`;
  const [md5, type] = ["content-md5", "content-type"].map((name) => request.header(name)?.trim() ?? "");
  return `${request.method}\n${md5}\n${type}\n${request.param("Expires")}\n${amz.join("")}${uriEncodePath(request.path)}${query}`;
}
