/**
 * The one error of this package's calls. `reason` is the server's `Status.reason` (NotFound, AlreadyExists, Conflict, Invalid,
 * Forbidden, Unauthorized, BadRequest, TooManyRequests, Expired, Timeout, ServerTimeout, InternalError, ServiceUnavailable, ...);
 * three are our own, with status 0: Unreachable (never sent), ConnectionLost (outcome unknown), Timeout (outcome unknown).
 */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details?: unknown;
  readonly retryAfterSeconds?: number;

  constructor(init: {
    status: number;
    reason: string;
    message: string;
    details?: unknown;
    retryAfterSeconds?: number;
    cause?: unknown;
  }) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "KubeError";
    this.status = init.status;
    this.reason = init.reason;
    if (init.details !== undefined) this.details = init.details;
    if (init.retryAfterSeconds !== undefined) this.retryAfterSeconds = init.retryAfterSeconds;
  }
}

const hasReason = (error: unknown, ...reasons: string[]): boolean =>
  error instanceof KubeError && reasons.includes(error.reason);

export const isNotFound = (error: unknown): boolean => hasReason(error, "NotFound");
/**
 * The object is not the one that was meant: it has another resourceVersion, or another uid. Servers answer a patch that names another
 * uid with Invalid, as they do a change of the uid; the status of a custom resource they patch all the same: name its version too.
 */
export const isConflict = (error: unknown): boolean => hasReason(error, "Conflict") || isOtherUid(error);
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, "AlreadyExists");
/** 410: the resourceVersion or the continue token is too old. Servers say Expired (list, watch) or Gone. */
export const isExpired = (error: unknown): boolean =>
  hasReason(error, "Expired", "Gone") || (error instanceof KubeError && error.status === 410);

function isOtherUid(error: unknown): boolean {
  if (!(error instanceof KubeError) || error.status !== 422) return false;
  const { causes = [] } = (error.details ?? {}) as { causes?: { field?: string }[] };
  return causes.length > 0 && causes.every(({ field }) => field === "metadata.uid");
}

/** A watch from a version that the server has not reached: it lags, or has gone back in time. Only a list tells which. */
export function isTooLarge(error: unknown): boolean {
  const details =
    error instanceof KubeError ? (error.details as { causes?: { reason?: string }[] } | undefined) : undefined;
  return details?.causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") === true;
}
