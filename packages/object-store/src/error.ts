export type ObjectStoreErrorCode =
  | "NotFound"
  | "NoSuchBucket"
  | "PreconditionFailed"
  | "BadDigest"
  | "TooLarge"
  | "InvalidKey"
  | "InvalidRange"
  | "NoSpace"
  | "Internal";

/** The one error of the port; drivers translate what their back end says into a code. */
export class ObjectStoreError extends Error {
  readonly code: ObjectStoreErrorCode;

  constructor(code: ObjectStoreErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ObjectStoreError";
    this.code = code;
  }
}
