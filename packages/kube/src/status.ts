import { KubeError } from "./kube-error.ts";

/** What a status code means when the body is no `Status` (a proxy's answer, say): apimachinery `NewGenericServerResponse`. */
const REASON_OF_CODE: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** etcd's refusal of an object over 1.5 MiB comes as an internal error, but it is as final as the API server's own refusal. */
const TOO_LARGE = /etcdserver: request is too large|trying to send message larger than max/;

/** A proxy may answer with a whole page: the message keeps its head. */
const MAX_TEXT = 500;

interface Status {
  kind?: unknown;
  code?: unknown;
  reason?: unknown;
  message?: unknown;
  details?: { retryAfterSeconds?: unknown } | null;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** From the object of a watch's ERROR event. */
export function errorOfStatus(value: unknown, code: number, retryAfter?: number): KubeError {
  const status: Status = isRecord(value) ? value : {};
  const actual = typeof status.code === "number" && status.code > 0 ? status.code : code;
  const message = typeof status.message === "string" ? status.message : undefined;
  if (actual === 500 && message !== undefined && TOO_LARGE.test(message))
    return new KubeError({ status: 413, reason: "RequestEntityTooLarge", message });
  const reason =
    typeof status.reason === "string" && status.reason !== "" ? status.reason : (REASON_OF_CODE[actual] ?? "Unknown");
  const told = status.details?.retryAfterSeconds;
  const after = retryAfter ?? (typeof told === "number" && told > 0 ? told : undefined);
  return new KubeError({
    status: actual,
    reason,
    message: message ?? `the API server answered ${actual} (${reason})`,
    ...(status.details ? { details: status.details } : {}),
    ...(after === undefined ? {} : { retryAfterSeconds: after }),
  });
}

/** From an HTTP answer of 400 or more. `now` is in milliseconds since the epoch, for a Retry-After that is a date. */
export function errorOfResponse(code: number, headers: Record<string, string>, text: string, now: number): KubeError {
  const after = retryAfterSeconds(headers["retry-after"], now);
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) && value["kind"] === "Status") return errorOfStatus(value, code, after);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return errorOfStatus({ message: `the API server answered ${code}: ${text.slice(0, MAX_TEXT)}` }, code, after);
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}
