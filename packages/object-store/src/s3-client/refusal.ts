/** What an answer that is no success means, and whether asking again can help. */
import { ObjectStoreError, type ObjectStoreErrorCode } from "../error.ts";
import type { HttpAnswer } from "./http-client.ts";
import { element, parseAnswer, textOf } from "./parse-answer.ts";

/** `rejected` = not done, later perhaps; `unclear` = may have been done; `credentials` = with others perhaps. */
export type Retry = "never" | "rejected" | "unclear" | "credentials";

export interface Refusal {
  readonly error: ObjectStoreError;
  readonly retry: Retry;
  readonly afterMs?: number;
}

const MEANING: Readonly<Record<string, readonly [ObjectStoreErrorCode, Retry?]>> = {
  AccessDenied: ["AccessDenied"],
  AllAccessDisabled: ["AccessDenied"],
  BadDigest: ["BadDigest"],
  ConditionalRequestConflict: ["Unavailable", "rejected"],
  EntityTooLarge: ["TooLarge"],
  ExpiredToken: ["Unauthenticated", "credentials"],
  InternalError: ["Unavailable", "unclear"],
  InvalidAccessKeyId: ["Unauthenticated", "credentials"],
  InvalidDigest: ["BadDigest"],
  InvalidRange: ["InvalidRange"],
  InvalidToken: ["Unauthenticated", "credentials"],
  InvalidTokenId: ["Unauthenticated", "credentials"],
  KeyTooLongError: ["InvalidKey"],
  NoSuchBucket: ["NoSuchBucket"],
  NoSuchKey: ["NotFound"],
  OperationAborted: ["Unavailable", "rejected"],
  PreconditionFailed: ["PreconditionFailed"],
  RequestTimeTooSkewed: ["ClockSkew"],
  RequestTimeout: ["Unavailable", "rejected"],
  SignatureDoesNotMatch: ["Unauthenticated"],
  SlowDown: ["Unavailable", "rejected"],
  SlowDownRead: ["Unavailable", "rejected"],
  SlowDownWrite: ["Unavailable", "rejected"],
  TokenRefreshRequired: ["Unauthenticated", "credentials"],
  // The body that arrived is not the one that was signed: it was damaged on the way.
  XAmzContentSHA256Mismatch: ["Unavailable", "rejected"],
  XMinioInvalidObjectName: ["InvalidKey"],
  XMinioInvalidResourceName: ["InvalidKey"],
  XMinioObjectExistsAsDirectory: ["InvalidKey"],
  XMinioParentIsObject: ["InvalidKey"],
  XMinioServerNotInitialized: ["Unavailable", "rejected"],
  XMinioStorageFull: ["NoSpace"],
};

const OF_STATUS: Readonly<Record<number, readonly [ObjectStoreErrorCode, Retry?]>> = {
  401: ["Unauthenticated"],
  403: ["AccessDenied"],
  404: ["NotFound"],
  408: ["Unavailable", "unclear"],
  409: ["Unavailable", "rejected"],
  412: ["PreconditionFailed"],
  416: ["InvalidRange"],
  429: ["Unavailable", "rejected"],
  500: ["Unavailable", "unclear"],
  502: ["Unavailable", "unclear"],
  503: ["Unavailable", "rejected"],
  504: ["Unavailable", "unclear"],
  507: ["NoSpace"],
};

/** `what` names the call and its object for a person. */
export async function refusalOf(operation: string, what: string, answer: HttpAnswer, nowMs: number): Promise<Refusal> {
  return refusalIn(operation, what, answer, await answer.text(), nowMs);
}

export function refusalIn(
  operation: string,
  what: string,
  { status, headers }: Pick<HttpAnswer, "status" | "headers">,
  text: string,
  nowMs: number,
): Refusal {
  const said = saidIn(text);
  // The answer to a HEAD has no body; MinIO then says it in headers.
  const reason = said.reason ?? headers["x-minio-error-code"];
  const message = said.message ?? headers["x-minio-error-desc"]?.replaceAll('"', "");
  const [code, retry = "never"] = MEANING[reason ?? ""] ?? OF_STATUS[status] ?? (["Internal"] as const);
  const requestId = headers["x-amz-request-id"];
  const parts = [reason ?? `HTTP ${status}`, message, hintOf(code, headers, nowMs)];
  const error = new ObjectStoreError(code, `${what}: ${parts.filter(Boolean).join(": ")}`, {
    call: { operation, status, ...(reason && { reason }), ...(requestId && { requestId }) },
  });
  const afterMs = Number(headers["retry-after"]) * 1000;
  return { error, retry, ...(afterMs > 0 && { afterMs }) };
}

function saidIn(text: string): { readonly reason?: string; readonly message?: string } {
  try {
    const error = element(parseAnswer(text), "Error");
    const [reason, message] = [textOf(error, "Code"), textOf(error, "Message")];
    return { ...(reason && { reason }), ...(message && { message }) };
  } catch {
    // A proxy's page, or nothing: the status has to say it.
    return {};
  }
}

function hintOf(
  code: ObjectStoreErrorCode,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): string | undefined {
  const region = headers["x-amz-bucket-region"];
  if (code === "Internal" && region !== undefined) return `the bucket is in region ${region}`;
  const theirs = Date.parse(headers["date"] ?? "");
  if (code !== "ClockSkew" || Number.isNaN(theirs)) return undefined;
  const seconds = Math.round((nowMs - theirs) / 1000);
  return `the clock here is ${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} the store's`;
}
