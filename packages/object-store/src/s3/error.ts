import { ObjectStoreError, type ObjectStoreErrorCode } from "../error.ts";

/**
 * The codes that the server sends, with their HTTP status (Amazon S3 API Reference, "Error responses"). S3 is never full, so
 * `InsufficientStorage` is our own, with HTTP's status for it (RFC 4918, 11.5), which botocore does not try again.
 */
const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  OperationAborted: 409,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof STATUS;

/** What a client is told: code and message as S3 XML. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly status: number;

  constructor(code: S3ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "S3Error";
    this.code = code;
    this.status = STATUS[code];
  }
}

const OF_STORE: Readonly<Record<ObjectStoreErrorCode, S3ErrorCode>> = {
  NotFound: "NoSuchKey",
  NoSuchBucket: "NoSuchBucket",
  PreconditionFailed: "PreconditionFailed",
  BadDigest: "BadDigest",
  TooLarge: "EntityTooLarge",
  InvalidKey: "KeyTooLongError",
  InvalidRange: "InvalidRange",
  NoSpace: "InsufficientStorage",
  AccessDenied: "AccessDenied",
  Unauthenticated: "InternalError",
  ClockSkew: "InternalError",
  Untrusted: "InternalError",
  Unavailable: "InternalError",
  Internal: "InternalError",
};

/** The one converter of this boundary. What is not ours is not shown to the client. */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  const code = error instanceof ObjectStoreError ? OF_STORE[error.code] : "InternalError";
  if (error instanceof ObjectStoreError && code !== "InternalError")
    return new S3Error(code, error.message, { cause: error });
  return new S3Error("InternalError", "the server failed; its log says why", { cause: error });
}
