export type ObjectStoreErrorCode =
  | "NotFound"
  | "NoSuchBucket"
  | "PreconditionFailed"
  | "BadDigest"
  | "TooLarge"
  | "InvalidKey"
  | "InvalidRange"
  | "NoSpace"
  /** Known, but not allowed to do this. */
  | "AccessDenied"
  /** Not known: the store, or the STS before it, took no credential of ours. */
  | "Unauthenticated"
  /** Our clock and the store's differ by more than the store tolerates. */
  | "ClockSkew"
  /** The other end's certificate is not signed by anyone trusted here, or is not for that name. */
  | "Untrusted"
  /** Not reached, or no answer but "later", in all tries. */
  | "Unavailable"
  | "Internal";

/** The call that failed, for errors of a store behind a network. */
export interface FailedCall {
  /** As the API reference names it: `PutObject`, `AssumeRoleWithWebIdentity`. */
  readonly operation: string;
  /** Of the answer; absent when there was none. */
  readonly status?: number;
  /** The back end's own code, such as `SlowDown`. */
  readonly reason?: string;
  readonly requestId?: string;
}

/** The one error of the port; drivers translate what their back end says into a code. */
export class ObjectStoreError extends Error {
  readonly code: ObjectStoreErrorCode;
  readonly call?: FailedCall;

  constructor(code: ObjectStoreErrorCode, message: string, options: { cause?: unknown; call?: FailedCall } = {}) {
    super(message, options);
    this.name = "ObjectStoreError";
    this.code = code;
    if (options.call !== undefined) this.call = options.call;
  }
}
