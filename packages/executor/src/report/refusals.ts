import { Code, ConnectError } from "@connectrpc/connect";

/** Nobody can be told anything now, whatever it is. */
const away: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Canceled,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.Unimplemented,
]);

export function isAway(error: unknown): boolean {
  return !(error instanceof ConnectError) || away.has(error.code);
}

/** The receiver will never take this. */
export function isPoison(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.InvalidArgument || error.code === Code.NotFound);
}
